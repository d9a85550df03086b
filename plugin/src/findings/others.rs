//! Whether the cluster has what others have to bring along for what the spec asks: a metrics server, and the kinds of other
//! operators.

use std::collections::BTreeMap;

use kube::Client;
use tracklore_operator::stack::{
    component::{Component, Service},
    delegated,
    kinds::Kind,
    validate::ValidStack,
};

use super::Finding;

/// The API that autoscalers ask how much pods use.
const METRICS: &str = "metrics.k8s.io/v1beta1";

/// What the API server says of an API.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Api {
    /// It serves these kinds.
    Serves(Vec<String>),
    /// It doesn't know it.
    Unknown,
    /// Who serves it doesn't answer.
    Silent,
    /// It couldn't be asked, and why.
    Unread(String),
}

/// Looks for what the stack needs of others.
pub async fn look(client: &Client, stack: &ValidStack) -> Vec<Finding> {
    let scaled = scaled(stack);
    let mut found = Vec::new();
    if !scaled.is_empty() {
        found.push(metrics(&scaled, &api(client, METRICS).await));
    }
    for (version, kinds) in by_version(kinds(stack)) {
        let api = api(client, &version).await;
        found.extend(kinds.into_iter().map(|kind| known(kind, &api)));
    }
    found
}

/// The kinds of each API: it is asked for all of them at once.
fn by_version(kinds: Vec<Kind>) -> BTreeMap<String, Vec<Kind>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for kind in kinds {
        all.entry(kind.resource().api_version).or_default().push(kind);
    }
    all
}

async fn api(client: &Client, version: &str) -> Api {
    match client.list_api_group_resources(version).await {
        Ok(list) => Api::Serves(list.resources.into_iter().map(|resource| resource.kind).collect()),
        Err(kube::Error::Api(status)) if status.code == 404 => Api::Unknown,
        Err(kube::Error::Api(status)) if status.code == 503 => Api::Silent,
        Err(error) => Api::Unread(error.to_string()),
    }
}

/// The services that the cluster should scale.
fn scaled(stack: &ValidStack) -> Vec<&'static str> {
    let scaled =
        Service::ALL.into_iter().filter(|service| stack.services.get(*service).autoscaling.is_some());
    scaled.map(Service::as_str).collect()
}

fn metrics(scaled: &[&str], api: &Api) -> Finding {
    let asked = format!("services.{}.autoscaling", scaled.join(".autoscaling, services."));
    match api {
        Api::Serves(_) => Finding::Fine("a metrics server tells autoscalers how much pods use".to_owned()),
        Api::Unknown => Finding::Wrong(format!(
            "{asked} needs a metrics server, which the cluster hasn't got; install one, or remove autoscaling"
        )),
        Api::Silent => Finding::Wrong(format!(
            "{asked} needs a metrics server, and the cluster's doesn't answer; kubectl describe apiservice v1beta1.metrics.k8s.io"
        )),
        Api::Unread(why) => Finding::Unknown(format!(
            "the API {METRICS} can't be asked, so no metrics server is looked for: {why}"
        )),
    }
}

/// The kinds of other operators that the stack asks for.
fn kinds(stack: &ValidStack) -> Vec<Kind> {
    let mut kinds = delegated::kinds(stack, None);
    // which is named, and not made
    if kinds.contains(&Kind::KafkaUser) {
        kinds.push(Kind::GivenKafka);
    }
    kinds
}

fn known(kind: Kind, api: &Api) -> Finding {
    let (name, version) = (kind.as_str(), kind.resource().api_version);
    match api {
        Api::Serves(kinds) if kinds.iter().any(|known| known == name) => {
            Finding::Fine(format!("the cluster knows {name} of {version}"))
        }
        Api::Silent => Finding::Unknown(format!("the API {version} doesn't answer, so {name} isn't checked")),
        Api::Unread(why) => {
            Finding::Unknown(format!("the API {version} can't be asked, so {name} isn't checked: {why}"))
        }
        Api::Serves(_) | Api::Unknown => {
            let install = match kind.component() {
                Some(Component::Postgres) => "CloudNativePG, 1.30 or newer",
                Some(Component::Kafka) => "Strimzi, 1.0 or newer",
                _ => "the CRDs of the Gateway API, and a controller of Gateways",
            };
            Finding::Wrong(format!("the cluster doesn't know {name} of {version}; install {install}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use tracklore_operator::stack::validate;

    use super::*;
    use crate::file;

    fn valid(example: &str) -> ValidStack {
        validate::validate(&file::parse(example, None, "default").unwrap()).unwrap()
    }

    #[test]
    fn only_what_the_spec_asks_of_others_is_looked_for() {
        let plain = valid(include_str!("../../../examples/minimal.yaml"));
        assert!(kinds(&plain).is_empty() && scaled(&plain).is_empty());
        let delegated = kinds(&valid(include_str!("../../../examples/delegated.yaml")));
        for kind in [Kind::Cluster, Kind::DatabaseRole, Kind::KafkaTopic, Kind::GivenKafka] {
            assert!(delegated.contains(&kind), "{delegated:?}");
        }
        let grouped = by_version(delegated.clone());
        assert!(grouped.len() < delegated.len(), "one question answers for several kinds: {grouped:?}");
        assert_eq!(grouped.values().map(Vec::len).sum::<usize>(), delegated.len());
    }

    #[test]
    fn what_the_cluster_lacks_is_told_with_what_to_install() {
        let serves = |kinds: &[&str]| Api::Serves(kinds.iter().map(|kind| (*kind).to_owned()).collect());
        let fine = known(Kind::Cluster, &serves(&["Backup", "Cluster"]));
        assert!(matches!(fine, Finding::Fine(_)), "{fine:?}");
        for (kind, api, install) in [
            (Kind::DatabaseRole, serves(&["Cluster"]), "CloudNativePG, 1.30 or newer"),
            (Kind::GivenKafka, Api::Unknown, "Strimzi, 1.0 or newer"),
            (Kind::HTTPRoute, Api::Unknown, "the CRDs of the Gateway API"),
        ] {
            let Finding::Wrong(sentence) = known(kind, &api) else { panic!("{kind:?}") };
            assert!(sentence.contains(kind.as_str()) && sentence.contains(install), "{sentence}");
        }
        let unread = Api::Unread("a timeout".into());
        for told in [known(Kind::Cluster, &unread), metrics(&["auth"], &unread)] {
            assert!(matches!(&told, Finding::Unknown(why) if why.ends_with(": a timeout")), "{told:?}");
        }
        let Finding::Wrong(sentence) = metrics(&["auth", "feed"], &Api::Unknown) else { panic!() };
        assert!(sentence.starts_with("services.auth.autoscaling, services.feed.autoscaling needs"));
        assert!(matches!(metrics(&["auth"], &Api::Silent), Finding::Wrong(_)));
        assert!(matches!(metrics(&["auth"], &serves(&["PodMetrics"])), Finding::Fine(_)));
    }
}
