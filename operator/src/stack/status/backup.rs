//! What is told of the copies of a stack.

use super::{State, view::View};
use crate::stack::component::{Component, INSTANCE, NAME};

/// The reason when a copy that was due wasn't kept.
pub(super) const FAILED: &str = "CopyFailed";

impl View<'_> {
    /// `failed_before` tells what was said until now: while another copy is made, nobody knows whether it gets better.
    pub(super) fn backup(&self, failed_before: bool) -> State {
        let Some(backup) = &self.stack.backup else {
            return State::yes("NotConfigured", "no copies are asked for");
        };
        if let Some(missing) = self.missing(Component::Backup) {
            return missing;
        }
        let Some(copies) = &self.observed.copies else {
            return State::no("Waiting", "copies are made once the databases are there");
        };
        if copies.failed() || (copies.running && failed_before) {
            return State::no(FAILED, self.failed_copy());
        }
        let schedule = &backup.schedule;
        copies.kept.map_or_else(
            || State::yes("NoCopyYet", format!("the first copy is made when {schedule} (UTC) says so")),
            |kept| State::yes("CopyKept", format!("the last copy was kept at {kept}")),
        )
    }

    fn failed_copy(&self) -> String {
        let names = self.names();
        let last = match self.observed.copies.as_ref().and_then(|copies| copies.kept) {
            Some(kept) => format!("the last one that was kept is of {kept}"),
            None => "none was ever kept".to_owned(),
        };
        format!(
            "the last copy that was due wasn't kept, and {last}; see kubectl logs -n {} -l {INSTANCE}={},{NAME}={} --all-containers",
            names.namespace,
            names.stack,
            Component::Backup.as_str()
        )
    }
}
