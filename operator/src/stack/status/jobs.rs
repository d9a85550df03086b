//! Jobs that don't end well, in words.

use super::{State, view::View};
use crate::stack::{component::Service, plan::Step};

impl View<'_> {
    /// A Job that gave up, and the reason of the condition that tells it.
    pub(super) fn failed_step(&self) -> Option<(&'static str, &str)> {
        let provisioning =
            [&self.plan.postgres, &self.plan.kafka].into_iter().map(|step| ("ProvisioningFailed", step));
        let migrations = self.plan.migrations.iter().map(|(_, step)| ("MigrationFailed", step));
        let contracts = self.plan.contracts.iter().map(|(_, step)| ("ContractFailed", step));
        let restore = self.restore_steps();
        restore.chain(provisioning).chain(migrations).chain(contracts).find_map(|(reason, step)| match step {
            Step::Failed { job } => Some((reason, job.as_str())),
            _ => None,
        })
    }

    /// A Job for a database that has failed and is tried again. It has waited for its server before, so this seldom passes by.
    pub(super) fn retried(&self) -> Option<State> {
        let find = |steps: &[(Service, Step)]| {
            let found = steps.iter().find(|(_, step)| *step == Step::Retrying);
            found.map(|(service, _)| service.as_str())
        };
        let migration = find(&self.plan.migrations)
            .map(|service| State::yes("MigrationFailed", self.fails("migration", "migrate", service)));
        migration.or_else(|| {
            let service = find(&self.plan.contracts)?;
            Some(State::yes("ContractFailed", self.fails("contraction", "contract", service)))
        })
    }

    pub(super) fn fails(&self, what: &str, purpose: &str, service: &str) -> String {
        self.because(
            &format!("{service}-{purpose}"),
            format!("the {what} of {service} failed and is tried again; see the logs of its Job"),
        )
    }

    /// What is said of a Job that gave up, with the last words of its pods.
    pub(super) fn gave_up(&self, job: &str) -> String {
        let mut troubles = self.observed.troubles.iter();
        let why = match troubles.find(|(purpose, _)| self.names().is_job(job, purpose)) {
            Some((_, trouble)) => format!("gave up: {trouble}"),
            None => format!("gave up; see kubectl logs -n {} job/{job}", self.names().namespace),
        };
        format!("Job {job} {why}; it is tried again ten minutes after its end, or when it is deleted")
    }
}
