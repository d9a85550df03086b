//! `backup`: a copy now, beside those that are made by the clock.

use std::{io::Write, process::ExitCode};

use k8s_openapi::api::batch::v1::{CronJob, Job};
use kube::{
    Api, Resource, ResourceExt,
    api::PostParams,
    runtime::wait::{Condition, await_condition},
};
use tracklore_operator::stack::component::Component;

use crate::{Error, jobs, target::Target};

/// Makes a Job of the stack's `CronJob`, waits for its end, and shows what it said. The exit code is 1 when no copy was kept.
pub async fn run(target: &Target) -> Result<ExitCode, Error> {
    let name = format!("{}-{}", target.name(), Component::Backup.as_str());
    let job = target.api::<CronJob>().get_opt(&name).await?.and_then(|cron_job| job(&cron_job));
    let job = job.ok_or_else(|| Error::Refused(format!(
        "there is no CronJob {name}; set spec.backup of the stack, and see by `kubectl tracklore status` whether it waits for something"
    )))?;
    let api: Api<Job> = target.api();
    let name = api.create(&PostParams::default(), &job).await?.name_any();
    writeln!(std::io::stdout(), "Job {name} makes a copy.")?;
    let ended = await_condition(api, &name, ended()).await;
    let ended = ended.map_err(|error| Error::Refused(format!("Job {name} can't be watched: {error}")))?;
    write!(std::io::stdout(), "{}", jobs::said(&target.api(), &name).await?)?;
    let kept = ended.as_ref().and_then(jobs::ended) == Some(true);
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
    |job: Option<&Job>| job.is_none_or(|job| jobs::ended(job).is_some())
}
