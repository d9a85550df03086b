//! The `CronJob` that keeps copies: Postgres' own tools make dumps, the program of [`super::shelf`] keeps them and the sealed Secrets.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        batch::v1::{CronJob, CronJobSpec, JobSpec, JobTemplateSpec},
        core::v1::PodTemplateSpec,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{authority::Authority, pod, postgres, restore, shelf};
use crate::{
    api::v1alpha1::Backup,
    stack::{
        component::{Component, MANAGED_BY},
        observed::Observed,
        validate::ValidStack,
    },
};

const COMPONENT: Component = Component::Backup;
/// No copy takes longer, or the next one waits for it.
const DEADLINE: i64 = 6 * 3600;

/// The `CronJob`. `kubectl create job --from=cronjob/<stack>-backup` makes a copy now.
pub fn cron_job(stack: &ValidStack, backup: &Backup, observed: &Observed) -> CronJob {
    // Those of its Jobs aren't the operator's children: they come and go with the CronJob.
    let mut labels = stack.names.labels(COMPONENT);
    labels.remove(MANAGED_BY);
    CronJob {
        metadata: pod::metadata(stack, &stack.names.of(COMPONENT), COMPONENT),
        spec: Some(CronJobSpec {
            schedule: backup.schedule.clone(),
            // The one name that an API server knows without a database of time zones.
            time_zone: Some("UTC".into()),
            concurrency_policy: Some("Forbid".into()),
            // A controller that was away makes up for what it missed.
            starting_deadline_seconds: Some(3600),
            successful_jobs_history_limit: Some(2),
            failed_jobs_history_limit: Some(2),
            job_template: job(stack, backup, observed, labels),
            suspend: Some(false),
        }),
        ..CronJob::default()
    }
}

fn job(
    stack: &ValidStack,
    backup: &Backup,
    observed: &Observed,
    labels: BTreeMap<String, String>,
) -> JobTemplateSpec {
    let (volumes, mounts): (Vec<_>, Vec<_>) =
        restore::KEYS.into_iter().map(|secret| shelf::sealed(secret, &stack.names.child(secret))).unzip();
    let env =
        vec![shelf::key(&backup.key_secret_ref), pod::env("TRACKLORE_BACKUP_KEEP", backup.keep.to_string())];
    let folder = format!("{}/{}", stack.names.namespace, stack.names.stack);
    let mut keep = shelf::container(stack, &backup.target, &folder, "store", env);
    keep.volume_mounts.get_or_insert_default().extend(mounts);
    let mut all = shelf::volumes(stack, &backup.target);
    all.extend(volumes);
    all.extend(Authority::postgres(stack).map(|authority| authority.volume()));
    let mut spec = pod::spec(stack, postgres::USER, keep, all);
    pod::begin_with(&mut spec, shelf::tools(stack, observed, "dump", include_str!("provision/dump.sh")));
    spec.restart_policy = Some("Never".into());
    stack.placement(COMPONENT).place(&mut spec);
    let metadata = Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() });
    JobTemplateSpec {
        metadata: metadata.clone(),
        spec: Some(JobSpec {
            backoff_limit: Some(2),
            active_deadline_seconds: Some(DEADLINE),
            template: PodTemplateSpec { metadata, spec: Some(spec) },
            ..JobSpec::default()
        }),
    }
}
