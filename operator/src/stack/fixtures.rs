//! Stacks and pictures for tests, made by the real validator.

use super::{
    build,
    component::{Component, Service},
    delegated::Told,
    given::{self, GivenSeen},
    observed::{ChildId, JobState, Kind, Observed, Owner, SecretSeen, Seen, Workload},
    plan::Child,
    validate::{self, ValidStack},
};
use crate::api::v1alpha1::TrackloreStack;

/// The stack of the demo.
pub fn stack() -> TrackloreStack {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "tracklore.io/v1alpha1",
        "kind": "TrackloreStack",
        "metadata": {"name": "demo", "namespace": "demo", "uid": "uid-of-demo", "generation": 1},
        "spec": {
            "version": "0.1.0",
            "publicUrl": "http://localhost:8080",
            "postgres": {"managed": {}},
            "kafka": {"managed": {}},
            "redis": {"managed": {}},
            "auth": {"emailVerification": "Optional"},
            "gateway": {"traefik": {"service": {"type": "NodePort", "nodePort": 30080}}},
        },
    }))
    .unwrap()
}

/// The same, validated.
pub fn valid() -> ValidStack {
    validate::validate(&stack()).unwrap()
}

/// A picture in which all Secrets exist.
pub fn with_secrets(stack: &ValidStack) -> Observed {
    let secrets = build::secret_names(stack)
        .into_iter()
        .map(|name| {
            let seen = SecretSeen {
                owner: Owner::Us,
                digest: format!("digest-of-{name}"),
                owners: [].into(),
                keys: Vec::new(),
                logins: Vec::new(),
                certificate: None,
            };
            (name, seen)
        })
        .collect();
    Observed { secrets, ..Observed::default() }
}

/// A workload with all its pods.
pub fn running() -> Workload {
    Workload { desired: 1, ready: 1, rolled_out: true, stuck: None, image: None, storage: None }
}

/// A picture in which the dependencies are ready.
pub fn with_dependencies(stack: &ValidStack) -> Observed {
    let mut observed = with_secrets(stack);
    for component in [Component::Postgres, Component::Kafka, Component::Redis] {
        observed.stateful_sets.insert(stack.names.of(component), running());
    }
    observed
}

/// A picture in which other operators have done all that a stack asks them for, and the dependencies of its own are ready.
pub fn with_delegated(stack: &ValidStack) -> Observed {
    let mut observed = with_dependencies(stack);
    let delegated = build::plan(stack, &observed, &[]).delegated;
    observed.told = delegated.into_iter().map(|id| (id, Told { done: true, said: "done".into() })).collect();
    for authority in given::made_by_others(stack) {
        let keys = ["ca.crt".to_owned()].into();
        observed
            .given
            .insert(authority, GivenSeen { keys, digest: "digest-of-ca".into(), ..GivenSeen::default() });
    }
    observed
}

/// The child of a kind whose name begins so.
pub fn find(children: &[Child], kind: Kind, start: &str) -> Child {
    let found = children.iter().find(|child| child.id().kind == kind && child.id().name.starts_with(start));
    found.unwrap_or_else(|| unreachable!("{start}")).clone()
}

/// Ends well all Jobs that the plan for `observed` has.
pub fn complete_jobs(stack: &ValidStack, observed: &mut Observed) {
    for child in build::plan(stack, observed, &[]).children {
        if let Child::Job(_) = child {
            let id = child.id();
            observed.jobs.insert(id.name.clone(), JobState::Complete);
            observed.seen.insert(id, ours());
        }
    }
}

/// A picture of a stack that serves.
pub fn serving(stack: &ValidStack) -> Observed {
    let mut observed = with_dependencies(stack);
    complete_jobs(stack, &mut observed);
    complete_jobs(stack, &mut observed);
    for service in Service::ALL {
        let image = Some(stack.images.services.get(service).clone());
        observed
            .deployments
            .insert(stack.names.of(Component::Service(service)), Workload { image, ..running() });
    }
    observed.deployments.insert(stack.names.of(Component::Gateway), running());
    observed
}

/// An object of ours.
pub fn ours() -> Seen {
    Seen { owner: Owner::Us, uid: "uid".into(), mark: 1 }
}

/// The ids of the children of a plan.
pub fn ids(children: &[Child]) -> Vec<ChildId> {
    children.iter().map(Child::id).collect()
}
