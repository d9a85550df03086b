//! What waits in the services, as their metrics tell. They are read through the API server; where that can't reach pods, or whoever
//! asks may not, nothing is known of it, and everything else is told all the same.

use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde::Serialize;
use tracklore_operator::stack::component::Service;

use crate::{picture, target::Target};

/// Who waits longer than this for metrics would rather have the rest of the answer.
const PATIENCE: Duration = Duration::from_millis(600);

/// Events that wait in a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backlog {
    /// The service.
    pub part: String,
    /// Events that Kafka hasn't got yet.
    pub unpublished: f64,
    /// How old the oldest of them is, in seconds.
    pub unpublished_for: f64,
    /// Events that it hasn't applied yet.
    pub unapplied: f64,
    /// How far it is behind, in seconds.
    pub behind: f64,
    /// Events that it couldn't process.
    pub dead_letters: f64,
}

/// Reads it of each service that has a pod; `None` where a service couldn't be asked.
pub async fn read(target: &Target, pods: &[Pod]) -> Option<Vec<Backlog>> {
    let services = Service::ALL.into_iter().filter_map(|service| {
        let of_service =
            |pod: &&Pod| picture::component(*pod) == service.as_str() && picture::is_running(pod);
        Some((service, pods.iter().find(of_service)?))
    });
    let asked = services.map(async |(service, pod)| {
        let path =
            format!("/api/v1/namespaces/{}/pods/{}:9090/proxy/metrics", target.namespace(), pod.name_any());
        let request = http::Request::get(path).body(Vec::new()).ok()?;
        let text = tokio::time::timeout(PATIENCE, target.client.request_text(request)).await.ok()?.ok()?;
        Some(parse(service.as_str(), &text))
    });
    join_all(asked).await.into_iter().collect()
}

fn parse(part: &str, metrics: &str) -> Backlog {
    let mut backlog = Backlog { part: part.to_owned(), ..Backlog::default() };
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let Ok(value) = value.parse::<f64>() else { continue };
        let name = series.split('{').next().unwrap_or(series);
        let (sum, longest) = match name {
            "tracklore_outbox_depth" => (Some(&mut backlog.unpublished), None),
            "tracklore_outbox_oldest_age_seconds" => (None, Some(&mut backlog.unpublished_for)),
            "tracklore_consumer_lag_messages" => (Some(&mut backlog.unapplied), None),
            "tracklore_consumer_lag_seconds" => (None, Some(&mut backlog.behind)),
            "tracklore_dead_letters" => (Some(&mut backlog.dead_letters), None),
            _ => continue,
        };
        if let Some(sum) = sum {
            *sum += value;
        }
        if let Some(longest) = longest {
            *longest = longest.max(value);
        }
    }
    backlog
}

impl Backlog {
    /// A sentence for each thing that waits.
    pub fn sentences(&self) -> Vec<String> {
        let Self { part, unpublished, unpublished_for, unapplied, behind, dead_letters } = self;
        let mut sentences = Vec::new();
        if *unpublished > 0.0 {
            sentences.push(format!(
                "{part}: {unpublished} events aren't published, the oldest for {unpublished_for:.0} s"
            ));
        }
        if *unapplied > 0.0 {
            sentences.push(format!("{part}: {unapplied} events aren't applied, {behind:.0} s behind"));
        }
        if *dead_letters > 0.0 {
            sentences.push(format!(
                "{part}: {dead_letters} events couldn't be processed; kubectl tracklore dlq {part} list"
            ));
        }
        sentences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "\
# HELP tracklore_consumer_lag_messages How many\n\
tracklore_consumer_lag_messages{messaging_destination_name=\"posts-events\"} 12\n\
tracklore_consumer_lag_messages{messaging_destination_name=\"user-events\"} 1\n\
tracklore_consumer_lag_seconds{messaging_destination_name=\"posts-events\"} 3.25\n\
tracklore_consumer_lag_seconds{messaging_destination_name=\"user-events\"} 0.5\n\
tracklore_dead_letters{messaging_destination_name=\"posts-events\"} 2\n\
process_cpu_seconds_total 7\n";

    #[test]
    fn what_waits_is_added_up_and_the_longest_wait_counts() {
        assert_eq!(
            parse("feed", METRICS).sentences(),
            [
                "feed: 13 events aren't applied, 3 s behind",
                "feed: 2 events couldn't be processed; kubectl tracklore dlq feed list",
            ]
        );
        assert!(parse("posts", "process_cpu_seconds_total 7\n").sentences().is_empty());
    }
}
