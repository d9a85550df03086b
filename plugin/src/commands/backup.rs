//! `backup`: a copy now, beside those that are made by the clock.

use std::{io::Write, process::ExitCode};

use k8s_openapi::api::{
    batch::v1::{CronJob, Job},
    core::v1::Pod,
};
use kube::{
    Api, ResourceExt,
    api::{ListParams, LogParams, PostParams},
    runtime::wait::{Condition, await_condition},
};
use tracklore_operator::stack::component::Component;

use crate::{Error, target::Target};

/// Makes a Job of the stack's CronJob, waits for its end, and shows what it said. The exit code is 1 when no copy was kept.
pub async fn run(target: &Target) -> Result<ExitCode, Error> {
    let cron_job = format!("{}-{}", target.name(), Component::Backup.as_str());
    let template = target.api::<CronJob>().get_opt(&cron_job).await?.and_then(|found| found.spec);
    let template = template.ok_or_else(|| Error::Refused(format!(
        "there is no CronJob {cron_job}; set spec.backup of the stack, and see by `kubectl tracklore status` whether it waits for something"
    )))?;
    let mut job = Job { spec: template.job_template.spec, ..Job::default() };
    job.metadata = template.job_template.metadata.unwrap_or_default();
    job.metadata.generate_name = Some(format!("{cron_job}-now-"));
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
