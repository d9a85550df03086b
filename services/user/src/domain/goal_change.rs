//! New goals and changes of goals: what may be written, and what comes of it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use tracklore_platform::{
    id::UserId,
    patch::Patch,
    problem::Problem,
    time::Timestamp,
    validate::{Violations, length_within},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    goal::{Goal, GoalStatus, GoalVisibility},
    text::{is_one_line, is_prose},
    whole,
};

const MAX_TITLE: usize = 200;
const MAX_DESCRIPTION: usize = 5_000;
const DONE: i16 = 100;

/// A new goal; it starts `active`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GoalDraft {
    /// What it is called, one line.
    #[schema(min_length = 1, max_length = 200, examples("Read a book on compilers"))]
    pub title: String,
    /// More about it; line breaks are kept.
    #[serde(default)]
    #[schema(max_length = 5000)]
    pub description: Option<String>,
    /// By when: `YYYY-MM-DD`.
    #[serde(default)]
    #[schema(format = Date, examples("2027-06-30"))]
    pub target_date: Option<String>,
    /// In percent; 0 if left out.
    #[serde(default, deserialize_with = "whole::option")]
    #[schema(minimum = 0, maximum = 100)]
    pub progress: Option<i64>,
    /// Who may see it; private if left out.
    #[serde(default)]
    #[schema(value_type = Option<GoalVisibility>)]
    pub visibility: Option<String>,
}

/// A merge patch of a goal: absent fields stay, null clears.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GoalPatch {
    /// What it is called, one line; can't be cleared.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, nullable = false)]
    pub title: Patch<String>,
    /// More about it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 5000)]
    pub description: Patch<String>,
    /// By when: `YYYY-MM-DD`.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub target_date: Patch<String>,
    /// How far it is; can't be cleared. `completed` sets the progress to 100 and is for good.
    #[serde(default)]
    #[schema(value_type = Option<GoalStatus>, nullable = false)]
    pub status: Patch<String>,
    /// In percent, only of an active goal; null is 0.
    #[serde(default, deserialize_with = "whole::patch")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100)]
    pub progress: Patch<i64>,
    /// Who may see it; null is private.
    #[serde(default)]
    #[schema(value_type = Option<GoalVisibility>)]
    pub visibility: Patch<String>,
}

impl GoalDraft {
    /// The goal of `owner` out of this draft; 422 with everything that is against the rules.
    pub fn into_goal(self, owner: UserId, now: Timestamp) -> Result<Goal, Problem> {
        let mut violations = Violations::default();
        check_title(&self.title, &mut violations);
        check_description(self.description.as_deref(), &mut violations);
        let target_date = check_date(self.target_date.as_deref(), &mut violations);
        let progress = check_progress(self.progress, &mut violations);
        let visibility = check_visibility(self.visibility.as_deref(), &mut violations);
        violations.finish()?;
        Ok(Goal {
            id: Uuid::now_v7(),
            user_id: owner,
            title: self.title,
            description: self.description,
            target_date,
            status: GoalStatus::Active,
            progress: progress.unwrap_or(0),
            visibility: visibility.unwrap_or_default(),
            completed_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
            sequence: 0,
        })
    }
}

impl GoalPatch {
    /// The goal after this patch at `now`; `None` when it stays as it is. 422 with everything that is against the rules,
    /// 409 for a step that can't be taken from where the goal is.
    pub fn apply(self, current: &Goal, now: Timestamp) -> Result<Option<Goal>, Problem> {
        let mut violations = Violations::default();
        let cleared = [("/title", self.title == Patch::Clear), ("/status", self.status == Patch::Clear)];
        for (pointer, cleared) in cleared {
            violations.require(!cleared, pointer, "can't be cleared");
        }
        if let Some(title) = self.title.value() {
            check_title(title, &mut violations);
        }
        check_description(self.description.value().map(String::as_str), &mut violations);
        let target_date = check_date(self.target_date.value().map(String::as_str), &mut violations);
        let status = check_status(self.status.value().map(String::as_str), &mut violations);
        let progress = match self.progress {
            Patch::Keep => None,
            Patch::Clear => Some(0),
            Patch::Set(progress) => check_progress(Some(progress), &mut violations),
        };
        let visibility = match &self.visibility {
            Patch::Keep => None,
            Patch::Clear => Some(GoalVisibility::default()),
            Patch::Set(text) => check_visibility(Some(text), &mut violations),
        };
        let status = status.unwrap_or(current.status);
        let contradicts =
            status == GoalStatus::Completed && progress.is_some_and(|progress| progress != DONE);
        violations.require(!contradicts, "/progress", "is 100 once the goal is completed");
        violations.finish()?;

        let mut changed = current.clone();
        if let Patch::Set(title) = self.title {
            changed.title = title;
        }
        changed.description = self.description.apply(changed.description);
        match self.target_date {
            Patch::Keep => {}
            Patch::Clear | Patch::Set(_) => changed.target_date = target_date,
        }
        changed.visibility = visibility.unwrap_or(changed.visibility);
        changed.step(status, progress, now)?;
        if changed == *current {
            return Ok(None);
        }
        changed.version += 1;
        // clocks of two replicas may differ; what changed later never looks older
        changed.updated_at = now.max(current.updated_at);
        if changed.is_news_after(current) {
            changed.sequence += 1;
        }
        Ok(Some(changed))
    }
}

impl Goal {
    /// Takes a step: to another status, or in progress.
    fn step(&mut self, status: GoalStatus, progress: Option<i16>, now: Timestamp) -> Result<(), Problem> {
        if !self.status.may_become(status) {
            let detail = match self.status {
                GoalStatus::Completed => "A completed goal stays completed.",
                _ => "An abandoned goal can't be completed; make it active first.",
            };
            return Err(Problem::conflict("goal-transition", detail));
        }
        if status == GoalStatus::Completed {
            self.completed_at = self.completed_at.or(Some(now.max(self.created_at)));
            self.progress = DONE;
        } else if let Some(progress) = progress.filter(|progress| *progress != self.progress) {
            if status != GoalStatus::Active {
                return Err(Problem::conflict("goal-transition", "Only an active goal makes progress."));
            }
            self.progress = progress;
        }
        self.status = status;
        Ok(())
    }
}

fn check_title(title: &str, violations: &mut Violations) {
    let detail = format!("must have 1 to {MAX_TITLE} characters");
    violations.require(length_within(title, 1, MAX_TITLE) && !title.trim().is_empty(), "/title", detail);
    let detail = "must be one line without control or text direction characters";
    violations.require(is_one_line(title), "/title", detail);
}

fn check_description(description: Option<&str>, violations: &mut Violations) {
    let Some(text) = description else { return };
    let detail = format!("must have at most {MAX_DESCRIPTION} characters");
    violations.require(length_within(text, 0, MAX_DESCRIPTION), "/description", detail);
    let detail = "must have no control characters except line breaks and tabs";
    violations.require(is_prose(text), "/description", detail);
}

fn check_date(text: Option<&str>, violations: &mut Violations) -> Option<NaiveDate> {
    let text = text?;
    // chrono would also take signs, spaces and years of other lengths
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_plain);
    violations.require(date.is_some(), "/target_date", "must be a date such as 2027-06-30");
    date
}

fn check_progress(progress: Option<i64>, violations: &mut Violations) -> Option<i16> {
    let within = progress.map(|progress| i16::try_from(progress).ok().filter(|p| (0..=DONE).contains(p)));
    violations.require(within != Some(None), "/progress", "must be from 0 to 100");
    within.flatten()
}

fn check_status(text: Option<&str>, violations: &mut Violations) -> Option<GoalStatus> {
    let status = text.map(GoalStatus::parse);
    violations.require(status != Some(None), "/status", "must be active, completed or abandoned");
    status.flatten()
}

fn check_visibility(text: Option<&str>, violations: &mut Violations) -> Option<GoalVisibility> {
    let visibility = text.map(GoalVisibility::parse);
    violations.require(visibility != Some(None), "/visibility", "must be private or public");
    visibility.flatten()
}

#[cfg(test)]
mod tests;
