//! Objects that other operators act on for a stack, of kinds that a cluster need not know.
//!
//! They are watched as soon as the first stack asks for one, and where the cluster doesn't know their kind, applying one says
//! so. All that a pass looks at of them is whether what is asked for has been done, and what their operator says.

use kube::{Resource, ResourceExt};
use serde::{Deserialize, de::DeserializeOwned, de::IgnoredAny};

use super::{
    apply::Obstacle,
    component::Component,
    glimpse::Glimpse,
    kinds::{Kind, Object},
    routes, status,
    validate::ValidStack,
};
use crate::api::{
    cloud_native_pg::{AppliedStatus, Cluster, ClusterStatus, Database, DatabaseRole, ScheduledBackup},
    http_route::{HTTPRoute, HttpRouteStatus},
    strimzi::{Kafka, KafkaTopic, KafkaUser, Listener, StrimziStatus},
    v1alpha1::{ParentRef, TrackloreStackStatus},
};

/// What another operator says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether its newest spec has been brought about.
    pub done: bool,
    /// How it goes, in a sentence.
    pub said: String,
}

/// A kind of such objects.
pub trait Delegated: Object {
    /// What is looked at of its spec.
    type Spec: DeserializeOwned + Clone + std::fmt::Debug + Send + Sync + 'static;
    /// What is looked at of its status.
    type Status: DeserializeOwned + Clone + std::fmt::Debug + Send + Sync + 'static;

    /// What its operator says.
    fn told(object: &Glimpse<Self, Self::Spec, Self::Status>) -> Told;
}

/// The kinds that matter to a stack. What was told of it `before` says what it had, asked for now or not.
pub fn kinds(stack: &ValidStack, before: Option<&TrackloreStackStatus>) -> Vec<Kind> {
    let mut kinds = Vec::new();
    if stack.routes.is_some() || before.is_some_and(status::tells_of_routes) {
        kinds.push(Kind::HTTPRoute);
    }
    if stack.postgres.external().is_some_and(|external| external.cloud_native_pg().is_some()) {
        kinds.extend([Kind::Cluster, Kind::DatabaseRole, Kind::Database, Kind::ScheduledBackup]);
    }
    if stack.kafka.external().is_some_and(|external| external.strimzi.is_some()) {
        kinds.extend([Kind::KafkaTopic, Kind::KafkaUser]);
    }
    kinds
}

/// What stands in the way of an object whose kind the cluster doesn't know, or whose operator has to agree to each change and
/// doesn't answer: that keeps nothing else from being applied.
pub fn refusal(kind: Kind, error: &kube::Error) -> Option<Obstacle> {
    let kube::Error::Api(status) = error else { return None };
    let (who, install, instead) = match kind.component().filter(|_| kind.is_delegated())? {
        Component::Postgres => {
            ("CloudNativePG", "CloudNativePG, 1.30 or newer", "another kind of Postgres in a new stack")
        }
        Component::Kafka => ("Strimzi", "Strimzi, 1.0 or newer", "another kind of Kafka in a new stack"),
        _ => ("the controller of Gateways", "the CRDs of the Gateway API", "another gateway"),
    };
    // Whoever applies an object is never told that it isn't there: its kind isn't, or its namespace.
    if status.code == 404 && !status.message.starts_with("namespaces ") {
        let kind = kind.as_str();
        return Some(Obstacle::Refused(format!(
            "the cluster doesn't know {kind}; install {install}, or choose {instead}"
        )));
    }
    (status.code >= 500 && status.message.contains("webhook")).then(|| {
        let message = &status.message;
        Obstacle::Refused(format!(
            "{who} has to agree to each change and doesn't answer; see whether its operator runs ({message})"
        ))
    })
}

/// The Gateways of an `HTTPRoute`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parents {
    /// All of them.
    pub parent_refs: Vec<ParentRef>,
}

impl Delegated for HTTPRoute {
    type Spec = Parents;
    type Status = HttpRouteStatus;

    fn told(object: &Glimpse<Self, Parents, HttpRouteStatus>) -> Told {
        routes::told(object)
    }
}

impl Delegated for Cluster {
    type Spec = IgnoredAny;
    type Status = ClusterStatus;

    /// A cluster serves once the instance that should takes writes; standbys may come and go.
    fn told(object: &Glimpse<Self, IgnoredAny, ClusterStatus>) -> Told {
        let Some(status) = &object.status else {
            return Told {
                done: false,
                said: "CloudNativePG has said nothing of it yet; is it running?".into(),
            };
        };
        let healthy = status.instances_status.get("healthy").map_or(&[][..], Vec::as_slice);
        let primary =
            status.current_primary.as_ref().filter(|name| status.target_primary.as_ref() == Some(name));
        let phase = status.phase.as_deref().unwrap_or("nothing is known of it");
        Told {
            done: primary.is_some_and(|primary| healthy.contains(primary)),
            said: match status.phase_reason.as_deref().filter(|reason| !reason.is_empty()) {
                Some(reason) => format!("{phase}: {reason}"),
                None => phase.to_owned(),
            },
        }
    }
}

impl Delegated for DatabaseRole {
    type Spec = IgnoredAny;
    type Status = AppliedStatus;

    fn told(object: &Glimpse<Self, IgnoredAny, AppliedStatus>) -> Told {
        applied(object)
    }
}

impl Delegated for Database {
    type Spec = IgnoredAny;
    type Status = AppliedStatus;

    fn told(object: &Glimpse<Self, IgnoredAny, AppliedStatus>) -> Told {
        applied(object)
    }
}

impl Delegated for ScheduledBackup {
    type Spec = IgnoredAny;
    type Status = IgnoredAny;

    /// Nothing waits for a copy.
    fn told(_: &Glimpse<Self>) -> Told {
        Told { done: true, said: "copies are made as it says".into() }
    }
}

impl Delegated for KafkaTopic {
    type Spec = IgnoredAny;
    type Status = StrimziStatus;

    fn told(object: &Glimpse<Self, IgnoredAny, StrimziStatus>) -> Told {
        ready(object.status.as_ref(), object.meta().generation)
    }
}

impl Delegated for KafkaUser {
    type Spec = IgnoredAny;
    type Status = StrimziStatus;

    fn told(object: &Glimpse<Self, IgnoredAny, StrimziStatus>) -> Told {
        ready(object.status.as_ref(), object.meta().generation)
    }
}

/// Names of the stacks that may use a `Kafka`, where not all may that are beside it.
const ALLOWED_STACKS: &str = "tracklore.io/allowed-stacks";

/// What is to be said of the `Kafka` that a stack names: whether it is of use to it.
pub fn kafka_told(kafka: &Kafka, stack: &str, port: &str) -> Told {
    let spec = &kafka.spec;
    let allowed = kafka.annotations().get(ALLOWED_STACKS);
    let fits = |listener: &Listener| {
        let login = listener.authentication.as_ref().is_some_and(|it| it.kind == "scram-sha-512");
        listener.port.to_string() == port && listener.kind == "internal" && listener.tls && login
    };
    let operated = spec.entity_operator.as_ref();
    let refusal = if allowed.is_some_and(|names| names.split(',').all(|name| name.trim() != stack)) {
        format!("its annotation {ALLOWED_STACKS} doesn't name {stack}; add it there")
    } else if !spec.kafka.listeners.iter().any(fits) {
        format!(
            "it has no internal listener with TLS and SCRAM-SHA-512 at port {port}; add one, or set kafka.strimzi.port"
        )
    } else if spec.kafka.authorization.as_ref().is_none_or(|it| it.kind != "simple") {
        "whoever may log in may do everything there; set its spec.kafka.authorization.type to simple".into()
    } else if operated.is_none_or(|it| it.topic_operator.is_none() || it.user_operator.is_none()) {
        "nobody makes topics and users there; set its spec.entityOperator.topicOperator and userOperator"
            .into()
    } else {
        // While a change of it is rolled out it serves.
        return ready(kafka.status.as_ref(), None);
    };
    Told { done: false, said: refusal }
}

/// What Strimzi says. It has several ways to say that something isn't ready.
fn ready(status: Option<&StrimziStatus>, generation: Option<i64>) -> Told {
    let current = status.filter(|status| status.observed_generation >= generation);
    let conditions = || current.iter().flat_map(|status| &status.conditions);
    if conditions().any(|condition| condition.kind == "Ready" && condition.status == "True") {
        return Told { done: true, said: "it is in Kafka as asked for".into() };
    }
    let said = conditions().find_map(|condition| condition.message.clone());
    Told {
        done: false,
        said: said.unwrap_or_else(|| "Strimzi has said nothing of it yet; is it running?".into()),
    }
}

fn applied<K: Delegated>(object: &Glimpse<K, IgnoredAny, AppliedStatus>) -> Told {
    let generation = object.meta().generation;
    let status = object.status.as_ref();
    let current = status.filter(|status| status.observed_generation >= generation && status.has_password());
    if current.is_some_and(|status| status.applied == Some(true)) {
        return Told { done: true, said: "it is in Postgres as asked for".into() };
    }
    let message = status.and_then(|status| status.message.clone());
    Told { done: false, said: message.unwrap_or_else(|| "the primary hasn't made it yet".into()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn cluster(status: &Value) -> Told {
        let object = json!({"metadata": {"name": "demo-postgres", "generation": 3}, "status": status});
        Cluster::told(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_cluster_serves_with_the_primary_that_it_should_have_whatever_its_standbys_do() {
        let status = |current: &str, target: &str, healthy: &[&str]| {
            json!({"currentPrimary": current, "targetPrimary": target, "phase": "Failing over", "phaseReason": "it is gone",
                "instancesStatus": {"healthy": healthy, "failed": ["p-2"]}})
        };
        assert!(cluster(&status("p-1", "p-1", &["p-1"])).done);
        assert!(!cluster(&status("p-1", "p-2", &["p-1", "p-2"])).done, "another one is to take over");
        assert!(!cluster(&status("p-1", "p-1", &["p-2"])).done, "it doesn't answer");
        assert_eq!(cluster(&status("p-1", "p-2", &[])).said, "Failing over: it is gone");
        assert!(!cluster(&json!(null)).done && !cluster(&json!({})).done);
    }

    #[test]
    fn what_was_applied_before_the_last_change_does_not_count() {
        let role = |status: Value| {
            let object = json!({"metadata": {"name": "r", "generation": 2}, "status": status});
            DatabaseRole::told(&serde_json::from_value(object).unwrap())
        };
        assert!(role(json!({"applied": true, "observedGeneration": 2})).done);
        assert!(!role(json!({"applied": true, "observedGeneration": 1})).done);
        let refused =
            role(json!({"applied": false, "observedGeneration": 2, "message": "role x does not exist"}));
        assert_eq!(refused, Told { done: false, said: "role x does not exist".into() });
        assert!(!role(json!(null)).done);
    }

    #[test]
    fn strimzi_says_in_several_ways_that_something_is_not_ready() {
        let topic = |conditions: Value, generation: i64| {
            let status = json!({"conditions": conditions, "observedGeneration": generation});
            let object = json!({"metadata": {"name": "t", "generation": 2}, "status": status});
            KafkaTopic::told(&serde_json::from_value(object).unwrap())
        };
        let ready = json!([{"type": "Ready", "status": "True"}]);
        assert!(topic(ready.clone(), 2).done);
        assert!(!topic(ready, 1).done);
        let no = json!([{"type": "Ready", "status": "False", "message": "can't shrink"}]);
        assert_eq!(topic(no, 2).said, "can't shrink");
        let not = json!([{"type": "NotReady", "status": "True", "message": "no such Secret"}]);
        assert_eq!(topic(not, 2).said, "no such Secret");
    }

    #[test]
    fn a_kafka_is_of_use_where_it_is_open_to_the_stack_and_decides_who_may_do_what() {
        let good = json!({
            "apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka",
            "metadata": {"name": "events", "generation": 1, "annotations": {"tracklore.io/allowed-stacks": "other, demo"}},
            "spec": {
                "kafka": {"authorization": {"type": "simple"}, "listeners": [
                    {"name": "tls", "port": 9093, "type": "internal", "tls": true, "authentication": {"type": "scram-sha-512"}}]},
                "entityOperator": {"topicOperator": {}, "userOperator": {}},
            },
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "observedGeneration": 1},
        });
        let told = |change: &dyn Fn(&mut Value)| {
            let mut kafka = good.clone();
            change(&mut kafka);
            kafka_told(&serde_json::from_value(kafka).unwrap(), "demo", "9093")
        };
        assert!(told(&|_| ()).done);
        assert!(told(&|kafka| kafka["metadata"]["annotations"] = json!({})).done, "open to all beside it");
        for (path, value, said) in [
            ("/metadata/annotations/tracklore.io~1allowed-stacks", json!("others"), "doesn't name demo"),
            ("/spec/kafka/listeners/0/port", json!(9094), "no internal listener"),
            ("/spec/kafka/listeners/0/tls", json!(false), "no internal listener"),
            ("/spec/kafka/listeners/0/authentication/type", json!("tls"), "no internal listener"),
            ("/spec/kafka/authorization/type", json!("custom"), "may do everything"),
            ("/spec/entityOperator/userOperator", json!(null), "nobody makes topics and users"),
            ("/status/conditions/0/status", json!("False"), "said nothing"),
        ] {
            let told = told(&|kafka| *kafka.pointer_mut(path).unwrap() = value.clone());
            assert!(!told.done && told.said.contains(said), "{path}: {told:?}");
        }
    }
}
