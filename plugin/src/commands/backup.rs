//! `backup`: a copy now, beside those that are made by the clock.

use std::{io::Write, process::ExitCode};

use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::Pod,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{ListParams, LogParams, PostParams},
    runtime::wait::{Condition, await_condition},
};
use tracklore_operator::stack::component::Component;

use crate::{Error, target::Target};

/// Makes a Job of the stack's `CronJob`, waits for its end, and shows what it said. The exit code is 1 when no copy was kept.
pub async fn run(target: &Target) -> Result<ExitCode, Error> {
    let name = format!("{}-{}", target.name(), Component::Backup.as_str());
    let job = target.api::<CronJob>().get_opt(&name).await?.and_then(|cron_job| job(&cron_job));
    let job = job.ok_or_else(|| Error::Refused(format!(
        "there is no CronJob {name}; set spec.backup of the stack, and see by `kubectl tracklore status` whether it waits for something"
    )))?;
    let jobs: Api<Job> = target.api();
    let name = jobs.create(&PostParams::default(), &job).await?.name_any();
    writeln!(std::io::stdout(), "Job {name} makes a copy.")?;
    let ended = await_condition(jobs, &name, ended()).await;
    let ended = ended.map_err(|error| Error::Refused(format!("Job {name} can't be watched: {error}")))?;
    write!(std::io::stdout(), "{}", said(target, &name).await?)?;
    let kept = ended.as_ref().is_some_and(|job| has(job, "Complete"));
    if !kept {
        writeln!(
            std::io::stdout(),
            "No copy was kept. All it said: kubectl logs job/{name} --all-containers"
        )?;
    }
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What `kubectl create job --from` makes of it: it goes with the `CronJob`, and counts among those that stay to be looked at.
fn job(cron_job: &CronJob) -> Option<Job> {
    let template = cron_job.spec.clone()?.job_template;
    let mut metadata = template.metadata.unwrap_or_default();
    metadata.generate_name = Some(format!("{}-now-", cron_job.name_any()));
    metadata.owner_references = Some(vec![cron_job.controller_owner_ref(&())?]);
    let manual = ("cronjob.kubernetes.io/instantiate".to_owned(), "manual".to_owned());
    metadata.annotations.get_or_insert_default().extend([manual]);
    Some(Job { metadata, spec: template.spec, status: None })
}

fn ended() -> impl Condition<Job> {
    |job: Option<&Job>| job.is_none_or(|job| has(job, "Complete") || has(job, "Failed"))
}

fn has(job: &Job, kind: &str) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == kind && condition.status == "True")
}

/// What the pod that came last has to say.
async fn said(target: &Target, job: &str) -> Result<String, Error> {
    let pods: Api<Pod> = target.api();
    let mut list = pods.list(&ListParams::default().labels(&format!("job-name={job}"))).await?.items;
    list.sort_by_key(|pod| pod.metadata.creation_timestamp.clone());
    match list.last() {
        Some(pod) => Ok(pods.logs(&pod.name_any(), &LogParams::default()).await.unwrap_or_default()),
        None => Ok(String::new()),
    }
}
