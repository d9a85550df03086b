//! How children get on, of the kinds that tell: what comes next depends on it. Of all that such an object asks for and tells,
//! only what is here is read.

use k8s_openapi::api::{
    apps::v1::{Deployment, DeploymentStatus, StatefulSet, StatefulSetStatus},
    batch::v1::{CronJob, CronJobStatus, Job, JobStatus},
    core::v1::PersistentVolumeClaim,
};
use kube::{Resource, ResourceExt};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    component::IMAGE,
    glimpse::Glimpse,
    observed::{Copies, JobState, Workload},
};

/// How many pods are asked for, and the claims that each of them gets.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pods {
    replicas: Option<i32>,
    volume_claim_templates: Option<Vec<PersistentVolumeClaim>>,
}

fn desired(spec: Option<&Pods>) -> i32 {
    spec.and_then(|spec| spec.replicas).unwrap_or(1)
}

/// How a Deployment gets on.
pub fn deployment(deployment: &Glimpse<Deployment, Pods, DeploymentStatus>) -> Workload {
    let desired = desired(deployment.spec.as_ref());
    let image = deployment.annotations().get(IMAGE).cloned();
    let Some(status) = &deployment.status else { return Workload { desired, image, ..Workload::default() } };
    let current = status.observed_generation >= deployment.meta().generation;
    let progressing = status.conditions.iter().flatten().find(|condition| condition.type_ == "Progressing");
    let settled =
        progressing.is_some_and(|condition| condition.reason.as_deref() == Some("NewReplicaSetAvailable"));
    let failure = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True");
    // A ReplicaSet that was there before is taken up again without a word in the conditions.
    let all_new = status.updated_replicas == status.replicas;
    let late = progressing.filter(|condition| condition.status == "False");
    Workload {
        desired,
        ready: status.available_replicas.unwrap_or(0),
        rolled_out: current && settled && all_new,
        stuck: failure.or(late).and_then(|condition| condition.message.clone()),
        image,
        storage: None,
    }
}

/// How a StatefulSet gets on.
pub fn stateful_set(set: &Glimpse<StatefulSet, Pods, StatefulSetStatus>) -> Workload {
    let desired = desired(set.spec.as_ref());
    let storage = set
        .spec
        .as_ref()
        .and_then(|spec| spec.volume_claim_templates.as_ref()?.first()?.spec.as_ref()?.resources.as_ref())
        .and_then(|resources| resources.requests.as_ref()?.get("storage"))
        .map(|size| size.0.clone());
    let Some(status) = &set.status else { return Workload { desired, storage, ..Workload::default() } };
    let current = status.observed_generation >= set.meta().generation;
    Workload {
        desired,
        ready: if current { status.ready_replicas.unwrap_or(0) } else { 0 },
        rolled_out: current && status.update_revision == status.current_revision,
        stuck: None,
        image: None,
        storage,
    }
}

/// How a Job gets on.
pub fn job(job: &Glimpse<Job, IgnoredAny, JobStatus>) -> JobState {
    let status = job.status.as_ref();
    let has = |wanted: &str| {
        status.and_then(|status| status.conditions.as_ref()).is_some_and(|list| {
            list.iter().any(|condition| condition.type_ == wanted && condition.status == "True")
        })
    };
    if has("Complete") {
        JobState::Complete
    } else if has("Failed") {
        JobState::Failed
    } else {
        JobState::Running { failures: status.and_then(|status| status.failed).unwrap_or(0) }
    }
}

/// How the copies of a `CronJob` get on.
pub fn copies(cron_job: &Glimpse<CronJob, IgnoredAny, CronJobStatus>) -> Copies {
    let Some(status) = &cron_job.status else { return Copies::default() };
    Copies {
        due: status.last_schedule_time.as_ref().map(|time| time.0),
        kept: status.last_successful_time.as_ref().map(|time| time.0),
        running: status.active.as_ref().is_some_and(|active| !active.is_empty()),
    }
}
