//! What is told of a stack that begins with a copy, until it has it.

use super::{State, view::View};
use crate::stack::{component::Component, plan::Step};

impl View<'_> {
    /// What it waits for, if it does: for the Job of this purpose, which has come so far.
    pub(super) fn restoring(&self, purpose: &str, step: &Step) -> Option<State> {
        Some(match (step, self.missing(Component::Backup)) {
            (Step::Done, _) => return None,
            (Step::Failed { job }, _) => State::no("RestoreFailed", self.gave_up(job)),
            (Step::Retrying, _) => State::no(
                "RestoreRetried",
                self.because(
                    purpose,
                    "bringing back the copy failed and is tried again; see the logs of its Job".to_owned(),
                ),
            ),
            (Step::Waiting, Some(missing)) => missing,
            (Step::Waiting | Step::Running, _) => {
                let copy = self.stack.restore.as_ref().map_or("", |restore| restore.copy.as_str());
                State::no("Restoring", format!("the copy ({copy}) is brought back"))
            }
        })
    }

    /// Which service has yet to tell the others what it has from the copy, if one has.
    pub(super) fn telling(&self) -> Option<State> {
        let mut told = self.plan.restore.iter().flat_map(|restore| &restore.told);
        let (service, step) = told.find(|(_, step)| !step.is_done())?;
        let service = service.as_str();
        if let Step::Failed { job } = step {
            return Some(State::no("RepublishFailed", self.gave_up(job)));
        }
        let sentence = format!("{service} tells the others what it has from the copy");
        Some(State::no("Republishing", self.because(&format!("{service}-republish"), sentence)))
    }

    /// Whether the copy is on its way.
    pub(super) fn is_restoring(&self) -> bool {
        let mut steps = self.plan.restore.iter().flat_map(|restore| [&restore.keys, &restore.data]);
        steps.any(|step| matches!(step, Step::Running | Step::Retrying))
    }

    /// What has to happen for it, each with the reason that is told when it doesn't.
    pub(super) fn restore_steps(&self) -> impl Iterator<Item = (&'static str, &Step)> {
        self.plan.restore.iter().flat_map(|restore| {
            let told = restore.told.iter().map(|(_, step)| ("RepublishFailed", step));
            [("RestoreFailed", &restore.keys), ("RestoreFailed", &restore.data)].into_iter().chain(told)
        })
    }
}
