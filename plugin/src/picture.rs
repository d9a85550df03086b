//! What the cluster knows of a stack, read at once: the stack, its workloads, their pods, what happened.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::{Event, Pod},
};
use kube::{Api, ResourceExt, api::ListParams};
use tracklore_operator::stack::{component::INSTANCE, troubles};

use crate::{Error, target::Target};

/// The label that names a part.
const COMPONENT: &str = "app.kubernetes.io/component";

/// A part of the stack: a service, a dependency or the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// How many pods there should be.
    pub desired: i32,
    /// How many are ready.
    pub ready: i32,
    /// How often containers of its pods have ended.
    pub restarts: i32,
    /// When its youngest pod started.
    pub since: Option<Timestamp>,
    /// The image of its pods.
    pub image: String,
    /// What keeps a pod from running.
    pub trouble: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When it happened last.
    pub at: Timestamp,
    /// Whether somebody should look at it.
    pub warning: bool,
    /// What it happened to.
    pub object: String,
    /// In a word.
    pub reason: String,
    /// In a sentence.
    pub note: String,
}

/// Deployments, StatefulSets and pods of the stack.
pub async fn parts(target: &Target) -> Result<Vec<Part>, Error> {
    let (client, namespace, selector) = (&target.client, target.namespace(), target.parts());
    let (deployments, sets, pods) = (
        Api::<Deployment>::namespaced(client.clone(), &namespace),
        Api::<StatefulSet>::namespaced(client.clone(), &namespace),
        Api::<Pod>::namespaced(client.clone(), &namespace),
    );
    let (deployments, sets, pods) =
        futures::try_join!(deployments.list(&selector), sets.list(&selector), pods.list(&selector))?;
    let mut parts = BTreeMap::new();
    for deployment in deployments.items {
        let desired = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
        add(&mut parts, component(&deployment), desired, ready);
    }
    for set in sets.items {
        let desired = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let ready = set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
        add(&mut parts, component(&set), desired, ready);
    }
    for pod in pods.items.iter().filter(|pod| !of_job(pod)) {
        if let Some(part) = parts.get_mut(&component(pod)) {
            describe(part, pod);
        }
    }
    Ok(parts.into_values().collect())
}

/// What happened to the stack and its parts, oldest first.
pub async fn happenings(target: &Target) -> Result<Vec<Happening>, Error> {
    let name = target.name();
    let events = Api::<Event>::namespaced(target.client.clone(), &target.namespace());
    let events = events.list(&ListParams::default()).await?.items.into_iter();
    let of_stack = |object: &str| object == name || object.starts_with(&format!("{name}-"));
    let mut happenings: Vec<_> = events
        .filter(|event| event.involved_object.name.as_deref().is_some_and(of_stack))
        .filter_map(happening)
        .collect();
    happenings.sort_by_key(|happening| happening.at);
    Ok(happenings)
}

fn happening(event: Event) -> Option<Happening> {
    let series = event.series.and_then(|series| series.last_observed_time).map(|time| time.0);
    let at = series
        .or(event.last_timestamp.map(|time| time.0))
        .or(event.event_time.map(|time| time.0))
        .or(event.metadata.creation_timestamp.map(|time| time.0))?;
    let object = event.involved_object;
    let kind = object.kind.unwrap_or_default();
    Some(Happening {
        at,
        warning: event.type_.as_deref() == Some("Warning"),
        object: format!("{kind}/{}", object.name.unwrap_or_default()),
        reason: event.reason.unwrap_or_default(),
        note: event.message.unwrap_or_default(),
    })
}

fn component(object: &impl ResourceExt) -> String {
    object.labels().get(COMPONENT).cloned().unwrap_or_default()
}

fn of_job(pod: &Pod) -> bool {
    pod.owner_references().iter().any(|owner| owner.kind == "Job")
}

fn add(parts: &mut BTreeMap<String, Part>, name: String, desired: i32, ready: i32) {
    parts.insert(name.clone(), Part { name, desired, ready, ..Part::default() });
}

fn describe(part: &mut Part, pod: &Pod) {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    part.restarts += statuses.into_iter().flatten().map(|status| status.restart_count).sum::<i32>();
    let started = pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|time| time.0);
    part.since = part.since.max(started);
    if let Some(image) = pod.spec.as_ref().and_then(|spec| spec.containers.first()?.image.clone()) {
        part.image = image;
    }
    part.trouble = part.trouble.take().or_else(|| troubles::trouble(pod));
}

/// What selects the objects of one stack.
pub fn selector(stack: &str) -> String {
    format!("{INSTANCE}={stack}")
}
