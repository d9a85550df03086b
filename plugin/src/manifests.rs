//! Plain manifests of a stack: what the operator would make of it, by the operator's own code, in one go.
//!
//! The operator goes step by step, by what is there. Here each step is taken to have gone well, and what the steps have made is
//! put together.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde_json::{Value, json};
use tracklore_operator::stack::{
    build,
    component::{Component, MANAGED_BY},
    delegated::Told,
    generate::{self, Authority},
    given,
    kinds::{Child, Kind},
    observed::{JobState, Observed, Owner, SecretSeen, Workload},
    plan::{GeneratedSecret, Plan, Recipe},
    validate::ValidStack,
};

use crate::Error;

/// Who made the objects: not the operator, which looks after what bears its name.
const MANAGER: &str = "kubectl-tracklore";
/// Where a Redis that people run is reached: the address is in a Secret, which isn't read.
const REDIS_PORT: i32 = 6379;

/// All objects but the Secrets, each after those that it needs.
pub fn objects(stack: &ValidStack) -> Vec<Value> {
    let mut observed = prepared(stack);
    let mut children = Vec::new();
    loop {
        let plan = build::plan(stack, &observed, &[]);
        let jobs = plan.children.iter().filter(|child| matches!(child, Child::Job(_)));
        let jobs: Vec<_> = jobs.cloned().collect();
        if jobs.is_empty() {
            children.extend(plan.children);
            break;
        }
        for job in jobs {
            observed.jobs.insert(job.id().name, JobState::Complete);
            children.push(job);
        }
    }
    // Claims are made by their StatefulSets.
    children.retain(|child| child.id().kind != Kind::Claim);
    children.sort_by_key(|child| rank(child.id().kind));
    children.iter().map(plain).collect()
}

/// The Secrets, with new passwords and keys.
pub fn secrets(stack: &ValidStack, now: Timestamp) -> Result<Vec<Value>, generate::Error> {
    let Plan { secrets, .. } = build::plan(stack, &Observed::default(), &[]);
    // the first one of all, so that it signs what comes after it
    let mut authority = None;
    let secret = |secret: GeneratedSecret| {
        let mut labels = secret.labels(&stack.names);
        labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
        let content = generate::generate(&secret.recipe, authority.as_ref(), now)?;
        if let Recipe::Authority { .. } = secret.recipe {
            authority = Some(Authority::of(&content)?);
        }
        Ok(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": secret.name, "namespace": stack.names.namespace, "labels": labels},
            "stringData": content,
        }))
    };
    secrets.into_iter().map(secret).collect()
}

/// The Job that a stack that begins with a copy runs first: it reads where the copies are, and nothing else.
pub fn reader_of_copies(stack: &ValidStack) -> Option<Job> {
    let plan = build::plan(stack, &given(stack), &[]);
    plan.children.into_iter().find_map(|child| match child {
        Child::Job(job) if stack.names.is_job(&job.name_any(), build::FETCH_KEYS) => Some(*job),
        _ => None,
    })
}

/// A picture in which everything is there that has to be made first.
fn prepared(stack: &ValidStack) -> Observed {
    let mut observed = given(stack);
    for name in build::secret_names(stack) {
        let seen = SecretSeen {
            owner: Owner::Us,
            digest: String::new(),
            owners: [].into(),
            keys: Vec::new(),
            logins: Vec::new(),
            certificate: None,
        };
        observed.secrets.insert(name, seen);
    }
    for id in build::plan(stack, &observed, &[]).delegated {
        observed.told.insert(id, Told { done: true, said: String::new() });
    }
    for component in [Component::Postgres, Component::Kafka, Component::Redis] {
        let running = Workload { rolled_out: true, ..Workload::default() };
        observed.stateful_sets.insert(stack.names.of(component), running);
    }
    observed
}

/// A picture in which everything is there that people or other operators have to give.
fn given(stack: &ValidStack) -> Observed {
    let mut observed = Observed::default();
    for secret in given::given(stack) {
        // One Secret may be given for several things.
        let seen = observed.given.entry(secret.name).or_default();
        seen.keys.extend(secret.keys.iter().map(|key| (*key).to_owned()));
        seen.port = Some(REDIS_PORT);
    }
    for name in given::made_by_others(stack) {
        observed.given.entry(name).or_default().keys.insert("ca.crt".to_owned());
    }
    observed
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::NetworkPolicy => 0,
        Kind::ConfigMap => 1,
        Kind::Service => 2,
        Kind::StatefulSet
        | Kind::Cluster
        | Kind::DatabaseRole
        | Kind::Database
        | Kind::KafkaTopic
        | Kind::KafkaUser => 3,
        Kind::Job => 4,
        Kind::Deployment => 5,
        _ => 6,
    }
}

/// As people read it.
pub fn yaml(object: &Value) -> Result<String, Error> {
    serde_saphyr::to_string(object).map_err(|error| Error::Refused(error.to_string()))
}

/// An object that belongs to nobody.
fn plain(child: &Child) -> Value {
    // Kubernetes objects always have a JSON form.
    let mut object = serde_json::to_value(child).unwrap_or_default();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("ownerReferences");
    }
    // Whoever keeps manifests would make a Job again that removed itself.
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("ttlSecondsAfterFinished");
    }
    rename_manager(&mut object);
    object
}

fn rename_manager(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(manager) = members.get_mut(MANAGED_BY) {
                *manager = MANAGER.into();
            }
            members.values_mut().for_each(rename_manager);
        }
        Value::Array(items) => items.iter_mut().for_each(rename_manager),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use tracklore_operator::{api::v1alpha1::TrackloreStack, stack::validate};

    use super::*;

    fn stack(spec: &Value) -> ValidStack {
        let stack = json!({
            "apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack",
            "metadata": {"name": "demo", "namespace": "demo"}, "spec": spec,
        });
        validate::validate(&serde_json::from_value(stack).unwrap()).unwrap()
    }

    fn demo() -> ValidStack {
        stack(&json!({
            "version": "0.1.0", "publicUrl": "http://localhost:8080",
            "postgres": {"managed": {}}, "kafka": {"managed": {}}, "redis": {"managed": {}},
            "auth": {"emailVerification": "Optional"}, "gateway": {"traefik": {}},
        }))
    }

    fn names(objects: &[Value], kind: &str) -> Vec<String> {
        let of_kind = objects.iter().filter(|object| object["kind"] == kind);
        of_kind.map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn everything_that_a_stack_runs_is_there_and_belongs_to_nobody() {
        let objects = objects(&demo());
        assert_eq!(
            names(&objects, "Deployment"),
            ["demo-auth", "demo-user", "demo-posts", "demo-feed", "demo-gateway"]
        );
        assert_eq!(names(&objects, "StatefulSet"), ["demo-postgres", "demo-kafka", "demo-redis"]);
        let jobs = names(&objects, "Job");
        assert_eq!(jobs.len(), 5, "{jobs:?}");
        let text = serde_json::to_string(&objects).unwrap();
        for word in ["ownerReferences", "tracklore-operator", "ttlSecondsAfterFinished"] {
            assert!(!text.contains(word), "{word}");
        }
        let kinds: Vec<_> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
        assert_eq!((kinds.first(), kinds.last()), (Some(&"NetworkPolicy"), Some(&"Deployment")));
        assert!(objects.iter().all(|object| object["apiVersion"].is_string()));
    }

    #[test]
    fn the_same_stack_gives_the_same_manifests_and_new_secrets() {
        assert_eq!(objects(&demo()), objects(&demo()));
        let (one, two) = (
            secrets(&demo(), Timestamp::UNIX_EPOCH).unwrap(),
            secrets(&demo(), Timestamp::UNIX_EPOCH).unwrap(),
        );
        assert_eq!(names(&one, "Secret"), names(&two, "Secret"));
        assert!(one.iter().zip(&two).all(|(one, two)| one["stringData"] != two["stringData"]));
    }

    #[test]
    fn every_secret_that_a_pod_asks_for_is_among_them() {
        let made = names(&secrets(&demo(), Timestamp::UNIX_EPOCH).unwrap(), "Secret");
        let mut asked = Vec::new();
        for object in objects(&demo()) {
            collect(&object, &mut asked);
        }
        assert!(!asked.is_empty());
        for name in asked {
            assert!(made.contains(&name), "nobody makes {name}");
        }
    }

    /// Names of Secrets that pods refer to.
    fn collect(value: &Value, names: &mut Vec<String>) {
        let Some(object) = value.as_object() else {
            return value.as_array().into_iter().flatten().for_each(|item| collect(item, names));
        };
        let by_key = object.get("secretKeyRef").and_then(|reference| reference["name"].as_str());
        let by_volume = object.get("secretName").and_then(Value::as_str);
        names.extend(by_key.into_iter().chain(by_volume).map(str::to_owned));
        object.values().for_each(|value| collect(value, names));
    }

    #[test]
    fn what_other_operators_run_is_asked_for_before_what_needs_it() {
        let stack: TrackloreStack =
            serde_saphyr::from_str(include_str!("../../examples/delegated.yaml")).unwrap();
        let objects = objects(&validate::validate(&stack).unwrap());
        assert_eq!(names(&objects, "DatabaseRole").len(), 9);
        assert_eq!(names(&objects, "Deployment").len(), 5);
        let place = |kind: &str| objects.iter().position(|object| object["kind"] == kind).unwrap();
        assert!(place("Cluster") < place("Job") && place("KafkaTopic") < place("Job"));
    }

    #[test]
    fn dependencies_that_are_there_already_are_not_made_and_can_be_reached() {
        let objects = objects(&stack(&json!({
            "version": "0.1.0", "publicUrl": "http://localhost:8080",
            "postgres": {"external": {
                "host": "db.example.org", "tls": {"mode": "Disabled"}, "admin": {"secretRef": {"name": "db"}}}},
            "kafka": {"external": {
                "bootstrapServers": ["kafka.example.org:9093"], "tls": {"mode": "Disabled"}}},
            "redis": {"external": {"urlSecretRef": {"name": "redis"}}},
            "auth": {"emailVerification": "Optional"},
        })));
        assert!(names(&objects, "StatefulSet").is_empty());
        assert_eq!(names(&objects, "Deployment").len(), 4);
        assert!(names(&objects, "NetworkPolicy").contains(&"demo-redis-external".to_owned()));
    }
}
