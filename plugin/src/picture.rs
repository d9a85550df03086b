//! What the cluster knows of a stack, read at once: its workloads and their pods.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::Pod,
};
use kube::ResourceExt;
use serde::Serialize;
use tracklore_operator::stack::{pods, troubles};

use crate::{Error, target::Target};

/// The label that names a part.
pub const COMPONENT: &str = "app.kubernetes.io/component";

/// A part of the stack: a service, a dependency or the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// How many pods there should be.
    pub desired: i32,
    /// How many are ready.
    pub ready: i32,
    /// How many are as the newest spec says.
    pub updated: i32,
    /// How often containers of its pods have ended.
    pub restarts: i32,
    /// When its youngest pod started.
    pub since: Option<Timestamp>,
    /// The image of its pods.
    pub image: String,
    /// What keeps a pod from running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// The parts of the stack by its Deployments, StatefulSets and pods, and these pods.
pub async fn parts(target: &Target) -> Result<(Vec<Part>, Vec<Pod>), Error> {
    let selector = target.parts();
    let (deployments, sets, pods) =
        (target.api::<Deployment>(), target.api::<StatefulSet>(), target.api::<Pod>());
    let (deployments, sets, pods) =
        futures::try_join!(deployments.list(&selector), sets.list(&selector), pods.list(&selector))?;
    let mut parts = BTreeMap::new();
    for deployment in deployments.items {
        let status = deployment.status.clone().unwrap_or_default();
        let seen = status.observed_generation >= deployment.metadata.generation;
        let part = Part {
            name: component(&deployment),
            desired: deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            ready: status.ready_replicas.unwrap_or(0),
            updated: status.updated_replicas.filter(|_| seen).unwrap_or(0),
            ..Part::default()
        };
        parts.insert(part.name.clone(), part);
    }
    for set in sets.items {
        let status = set.status.clone().unwrap_or_default();
        let seen = status.observed_generation >= set.metadata.generation;
        let part = Part {
            name: component(&set),
            desired: set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            ready: status.ready_replicas.unwrap_or(0),
            updated: status.updated_replicas.filter(|_| seen).unwrap_or(0),
            ..Part::default()
        };
        parts.insert(part.name.clone(), part);
    }
    for pod in pods.items.iter().filter(|pod| !of_job(pod)) {
        if let Some(part) = parts.get_mut(&component(pod)) {
            describe(part, pod);
        }
    }
    Ok((parts.into_values().collect(), pods.items))
}

/// The part that an object belongs to.
pub fn component(object: &impl ResourceExt) -> String {
    object.labels().get(COMPONENT).cloned().unwrap_or_default()
}

/// Whether a pod of a workload has started, and stays. It may not be ready.
pub fn runs(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase == Some("Running") && stays(pod)
}

/// Whether a pod of a workload is ready, and stays.
pub fn is_running(pod: &Pod) -> bool {
    pods::is_ready(pod) && stays(pod)
}

fn stays(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none() && !of_job(pod)
}

fn of_job(pod: &Pod) -> bool {
    pod.owner_references().iter().any(|owner| owner.kind == "Job")
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
