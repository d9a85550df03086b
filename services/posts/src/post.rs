//! The post: what clients see, what is stored, and what events carry are one and the same.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tracklore_platform::{id::UserId, time::Timestamp};
use utoipa::ToSchema;
use uuid::Uuid;

/// Free-form attributes of a post.
pub type Attributes = Map<String, Value>;

/// Who may see a post.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody.
    #[default]
    Public,
    /// The author and the author's followers.
    Followers,
}

/// A post.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow, ToSchema)]
pub struct Post {
    /// `UUIDv7`.
    pub id: Uuid,
    /// Who wrote it.
    pub author_id: UserId,
    /// 1 to 5,000 characters.
    #[schema(min_length = 1, max_length = 5000)]
    pub text: String,
    /// Free-form attributes of the client's choice.
    #[sqlx(json)]
    #[schema(value_type = Object)]
    pub attributes: Attributes,
    /// Who may see it.
    pub visibility: Visibility,
    /// When it ends by itself; null is never.
    #[schema(required)]
    pub expires_at: Option<Timestamp>,
    /// Counts the changes from 1.
    pub version: i64,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Post {
    /// Whether its time is over at `now`; it is gone then, even while the row is still there.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}
