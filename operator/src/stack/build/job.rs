//! Jobs: provisioning and migrations. A Job is named after a hash of all it is given, so a changed one is another one.

use k8s_openapi::api::{
    batch::v1::{Job, JobSpec},
    core::v1::PodSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::pod;
use crate::stack::{
    component::Component,
    placement::Placement,
    plan::{digest, short},
    validate::ValidStack,
};

/// A Job that is named by a hash, and the hash that is remembered of it.
pub struct HashedJob {
    /// What it does, such as `postgres-provision`.
    pub purpose: String,
    /// Hash of what it does.
    pub hash: String,
    /// The Job.
    pub job: Job,
}

/// A Job that runs `spec` to its end. `inputs` is what it reads besides: another value makes another Job.
pub fn job(
    stack: &ValidStack,
    component: Component,
    purpose: &str,
    inputs: &[&str],
    deadline: i64,
    spec: PodSpec,
) -> HashedJob {
    let mut spec = PodSpec { restart_policy: Some("Never".into()), ..spec };
    let mut name = short(&digest(&(&stack.names.stack, &spec, inputs)));
    let hash = name.clone();
    let placement = stack.placement(component);
    if placement != Placement::default() {
        // What has run needn't run again where pods may run elsewhere now; what hasn't is another Job.
        placement.place(&mut spec);
        name = short(&digest(&(&hash, &spec)));
    }
    let mut metadata = pod::metadata(stack, &stack.names.job(purpose, &name), component);
    let labels = stack.names.job_labels(component, purpose);
    metadata.labels = Some(labels.clone());
    let job = Job {
        metadata,
        spec: Some(JobSpec {
            backoff_limit: Some(6),
            active_deadline_seconds: Some(deadline),
            // Long enough to read its log. The status remembers what ended well; what failed starts again once it is gone.
            ttl_seconds_after_finished: Some(600),
            template: k8s_openapi::api::core::v1::PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }),
                spec: Some(spec),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    };
    HashedJob { purpose: purpose.to_owned(), hash, job }
}
