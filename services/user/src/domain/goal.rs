//! A learning goal: its states, and what is published when it is reached.
//!
//! `active` ⇄ `abandoned`, and `active` → `completed`, which is for good: it has been announced.

use serde::Serialize;
use tracklore_platform::{
    etag::ETag,
    event::{self, Event},
    id::UserId,
    time::Timestamp,
};
use utoipa::ToSchema;
use uuid::Uuid;

/// How far a goal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum GoalStatus {
    /// Being worked on.
    Active,
    /// Reached; stays so.
    Completed,
    /// Given up, for now.
    Abandoned,
}

/// Who may see a goal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum GoalVisibility {
    /// Only its owner.
    #[default]
    Private,
    /// Anyone.
    Public,
}

/// Something that somebody wants to learn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Goal {
    /// The goal's id.
    pub id: Uuid,
    /// Whose it is.
    #[serde(skip)]
    pub user_id: UserId,
    /// What it is called.
    #[schema(min_length = 1, max_length = 200, examples("Read a book on compilers"))]
    pub title: String,
    /// More about it.
    #[schema(max_length = 5000)]
    pub description: Option<String>,
    /// By when.
    #[schema(value_type = Option<String>, format = Date, examples("2027-06-30"))]
    pub target_date: Option<chrono::NaiveDate>,
    /// How far it is.
    pub status: GoalStatus,
    /// In percent; 100 once completed.
    #[schema(minimum = 0, maximum = 100)]
    pub progress: i16,
    /// Who may see it.
    pub visibility: GoalVisibility,
    /// When it was reached.
    pub completed_at: Option<Timestamp>,
    /// When it was set.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Counts the changes from 1.
    #[serde(skip)]
    pub version: i64,
    /// Counts the goal's events.
    #[serde(skip)]
    pub sequence: i64,
}

/// The payload of a goal's event. What is private stays out.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Completed<'a> {
    id: Uuid,
    user_id: UserId,
    visibility: GoalVisibility,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(rename = "completed_at")]
    at: Timestamp,
}

impl GoalStatus {
    /// Whether a goal of this status may get that one.
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Active, Self::Completed | Self::Abandoned) | (Self::Abandoned, Self::Active)
        ) || self == next
    }

    /// As the contract writes it.
    pub fn parse(text: &str) -> Option<Self> {
        [("active", Self::Active), ("completed", Self::Completed), ("abandoned", Self::Abandoned)]
            .into_iter()
            .find_map(|(name, status)| (name == text).then_some(status))
    }
}

impl GoalVisibility {
    /// As the contract writes it.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "private" => Some(Self::Private),
            "public" => Some(Self::Public),
            _ => None,
        }
    }
}

impl Goal {
    /// The tag of this version.
    pub fn etag(&self) -> ETag {
        ETag::of_version(self.version)
    }

    /// Whether a change from `before` is one to tell of: the goal was reached, or what was told of it is different now.
    pub fn is_news_after(&self, before: &Self) -> bool {
        self.completion().is_some_and(|now| Some(now) != before.completion())
    }

    /// What is published of the goal; nothing before it is reached.
    pub fn completed_event(&self) -> Option<Event> {
        Some(Event {
            aggregate_type: "profile",
            aggregate_id: key(self.user_id, self.id),
            r#type: "tracklore.goal.completed.v1",
            sequence: self.sequence,
            occurred_at: self.updated_at,
            payload: event::payload(&self.completion()?),
        })
    }

    fn completion(&self) -> Option<Completed<'_>> {
        Some(Completed {
            id: self.id,
            user_id: self.user_id,
            visibility: self.visibility,
            title: (self.visibility == GoalVisibility::Public).then_some(self.title.as_str()),
            at: self.completed_at?,
        })
    }
}

/// The event that takes a removed goal out of the compacted topic.
pub fn goal_erased(user: UserId, id: Uuid, sequence: i64, at: Timestamp) -> Event {
    Event {
        aggregate_type: "profile",
        aggregate_id: key(user, id),
        r#type: "tracklore.goal.completed.v1",
        sequence: sequence + 1,
        occurred_at: at,
        payload: serde_json::Value::Null,
    }
}

fn key(user: UserId, id: Uuid) -> String {
    format!("{user}:{id}")
}
