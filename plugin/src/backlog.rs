//! What waits in the services, as the metrics of all their pods tell. They are read through the API server; where that can't reach
//! a pod, or whoever asks may not, that is said beside what the others tell.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde::Serialize;
use tracklore_operator::stack::component::Service;

use crate::{picture, target::Target};

/// Who waits longer than this for metrics would rather have the rest of the answer.
const PATIENCE: Duration = Duration::from_millis(600);

/// What waits in a service.
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
    /// How long ago the oldest change happened that a pod has yet to show, in seconds.
    pub stale: f64,
    /// How many of its pods may still miss what happened before they started.
    pub catching_up: f64,
}

/// What is known of what waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Waiting {
    /// What waits, by service.
    pub backlogs: Vec<Backlog>,
    /// Services with a pod that didn't tell, and why.
    pub unknown: BTreeMap<String, String>,
}

/// Asks each pod of each service.
pub async fn read(target: &Target, pods: &[Pod]) -> Waiting {
    let asked = Service::ALL.into_iter().map(async |service| {
        let part = service.as_str();
        let of_service = pods.iter().filter(|pod| picture::component(*pod) == part && picture::runs(pod));
        (part, join_all(of_service.map(|pod| metrics(target, pod))).await)
    });
    let mut waiting = Waiting::default();
    for (part, answers) in join_all(asked).await {
        let mut backlog: Option<Backlog> = None;
        for answer in answers {
            match answer {
                Ok(text) => backlog.get_or_insert_default().add(&parse(&text)),
                Err(why) => drop(waiting.unknown.insert(part.to_owned(), why)),
            }
        }
        waiting.backlogs.extend(backlog.map(|backlog| Backlog { part: part.to_owned(), ..backlog }));
    }
    waiting
}

/// The metrics of a pod, or why they can't be had.
async fn metrics(target: &Target, pod: &Pod) -> Result<String, String> {
    let path =
        format!("/api/v1/namespaces/{}/pods/{}:9090/proxy/metrics", target.namespace(), pod.name_any());
    let request = http::Request::get(path).body(Vec::new()).map_err(|error| error.to_string())?;
    match tokio::time::timeout(PATIENCE, target.client.request_text(request)).await {
        Err(_) => Err(format!("no answer within {} ms", PATIENCE.as_millis())),
        Ok(Ok(text)) => Ok(text),
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
            Err("you may not get pods/proxy".to_owned())
        }
        Ok(Err(_)) => Err("the API server doesn't reach the pod".to_owned()),
    }
}

fn parse(metrics: &str) -> Backlog {
    let mut backlog = Backlog::default();
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
            "tracklore_feed_staleness_seconds" => (None, Some(&mut backlog.stale)),
            "tracklore_feed_catching_up" => (Some(&mut backlog.catching_up), None),
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
    /// Adds what another pod tells. Partitions are one pod's; an outbox and dead letters are the same for all.
    fn add(&mut self, other: &Self) {
        self.unapplied += other.unapplied;
        self.catching_up += other.catching_up;
        for (mine, other) in [
            (&mut self.unpublished, other.unpublished),
            (&mut self.unpublished_for, other.unpublished_for),
            (&mut self.behind, other.behind),
            (&mut self.dead_letters, other.dead_letters),
            (&mut self.stale, other.stale),
        ] {
            *mine = mine.max(other);
        }
    }

    /// A sentence for each thing that waits.
    fn sentences(&self) -> Vec<String> {
        let Self { part, unpublished, unpublished_for, unapplied, behind, dead_letters, stale, catching_up } =
            self;
        let mut sentences = Vec::new();
        if *unpublished > 0.0 {
            sentences.push(format!(
                "{part}: {unpublished} events aren't published, the oldest for {unpublished_for:.0} s"
            ));
        }
        if *unapplied > 0.0 {
            sentences.push(format!("{part}: {unapplied} events aren't applied, {behind:.0} s behind"));
        }
        if *catching_up > 0.0 {
            sentences.push(format!("{part}: lists may miss what happened before it started; it catches up"));
        }
        if *stale >= 1.0 {
            sentences.push(format!("{part}: lists don't show yet what changed {stale:.0} s ago"));
        }
        if *dead_letters > 0.0 {
            sentences.push(format!(
                "{part}: {dead_letters} events couldn't be processed; kubectl tracklore dlq {part} list"
            ));
        }
        sentences
    }
}

impl Waiting {
    /// A sentence for each thing that waits, and for each reason why something isn't known.
    pub fn sentences(&self) -> Vec<String> {
        self.backlogs.iter().flat_map(Backlog::sentences).chain(self.not_known()).collect()
    }

    /// A sentence for each reason why something isn't known.
    pub fn not_known(&self) -> impl Iterator<Item = String> {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (part, why) in &self.unknown {
            reasons.entry(why).or_default().push(part);
        }
        reasons.into_iter().map(|(why, parts)| format!("{}: not all is known: {why}", parts.join(", ")))
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
tracklore_feed_staleness_seconds 4\n\
process_cpu_seconds_total 7\n";

    fn told(pods: &[&str]) -> Vec<String> {
        let mut backlog = Backlog { part: "feed".into(), ..Backlog::default() };
        for pod in pods {
            backlog.add(&parse(pod));
        }
        backlog.sentences()
    }

    #[test]
    fn what_waits_is_added_up_and_the_longest_wait_counts() {
        assert_eq!(
            told(&[METRICS]),
            [
                "feed: 13 events aren't applied, 3 s behind",
                "feed: lists don't show yet what changed 4 s ago",
                "feed: 2 events couldn't be processed; kubectl tracklore dlq feed list",
            ]
        );
        assert!(told(&["process_cpu_seconds_total 7\n"]).is_empty());
    }

    #[test]
    fn pods_share_dead_letters_and_have_partitions_of_their_own() {
        let other = "\
tracklore_consumer_lag_messages{messaging_destination_name=\"posts-events\"} 7\n\
tracklore_consumer_lag_seconds{messaging_destination_name=\"posts-events\"} 60\n\
tracklore_dead_letters{messaging_destination_name=\"posts-events\"} 2\n\
tracklore_feed_catching_up 1\n";
        assert_eq!(
            told(&[METRICS, other]),
            [
                "feed: 20 events aren't applied, 60 s behind",
                "feed: lists may miss what happened before it started; it catches up",
                "feed: lists don't show yet what changed 4 s ago",
                "feed: 2 events couldn't be processed; kubectl tracklore dlq feed list",
            ]
        );
    }

    #[test]
    fn a_service_that_tells_nothing_is_named_beside_what_the_others_tell() {
        let unknown = [
            ("auth", "you may not get pods/proxy"),
            ("user", "you may not get pods/proxy"),
            ("feed", "late"),
        ];
        let waiting = Waiting {
            backlogs: vec![Backlog { part: "posts".into(), unapplied: 1.0, ..Backlog::default() }],
            unknown: unknown.map(|(part, why)| (part.to_owned(), why.to_owned())).into(),
        };
        assert_eq!(
            waiting.sentences(),
            [
                "posts: 1 events aren't applied, 0 s behind",
                "feed: not all is known: late",
                "auth, user: not all is known: you may not get pods/proxy",
            ]
        );
    }
}
