//! `backup`: a copy now, beside those that are made by the clock.

use std::{io::Write, process::ExitCode};

use k8s_openapi::api::batch::v1::{CronJob, Job};
use kube::{
    Api, Resource, ResourceExt,
    api::PostParams,
    runtime::wait::{Condition, await_condition},
};
use serde::Serialize;
use tracklore_operator::stack::component::Component;

use super::{Format, Output};
use crate::{Error, jobs, target::Target};

/// What came of it.
#[derive(Serialize)]
struct Made {
    /// The Job that made it.
    job: String,
    /// Whether it is kept.
    kept: bool,
    /// What the Job said.
    said: String,
}

/// Makes a Job of the stack's `CronJob`, waits for its end, and shows what it said. The exit code is 1 when no copy was kept.
pub async fn run(target: &Target, output: &Output) -> Result<ExitCode, Error> {
    let name = format!("{}-{}", target.name(), Component::Backup.as_str());
    let job = target.api::<CronJob>().get_opt(&name).await?.and_then(|cron_job| job(&cron_job));
    let job = job.ok_or_else(|| Error::Refused(format!(
        "there is no CronJob {name}; set spec.backup of the stack, and see by `kubectl tracklore status` whether it waits for something"
    )))?;
    let api: Api<Job> = target.api();
    let job = api.create(&PostParams::default(), &job).await?.name_any();
    if output.format() == Format::Text {
        writeln!(std::io::stdout(), "Job {job} makes a copy.")?;
    }
    let ended = await_condition(api, &job, ended()).await;
    let ended = ended.map_err(|error| Error::Refused(format!("Job {job} can't be watched: {error}")))?;
    let said = jobs::said(&target.api(), &job).await?;
    let made = Made { kept: ended.as_ref().and_then(jobs::ended) == Some(true), job, said };
    output.tell(made.text().trim_end(), &made)?;
    Ok(if made.kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Made {
    fn text(&self) -> String {
        let Self { job, kept, said } = self;
        if *kept {
            return said.clone();
        }
        format!("{said}No copy was kept. All it said: kubectl logs job/{job} --all-containers")
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_was_not_kept_is_told_with_where_to_read_on() {
        let made = |kept| Made { job: "demo-backup-now-1".into(), kept, said: "disk full\n".into() };
        assert_eq!(made(true).text(), "disk full\n");
        assert!(made(false).text().ends_with("kubectl logs job/demo-backup-now-1 --all-containers"));
        let json = serde_json::to_value(made(false)).unwrap();
        assert_eq!((json["kept"].as_bool(), json["said"].as_str()), (Some(false), Some("disk full\n")));
    }
}
