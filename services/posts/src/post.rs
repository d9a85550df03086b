//! The post: what clients see, what is stored, and what events carry are one and the same.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use tracklore_platform::{id::UserId, time::Timestamp};
use utoipa::ToSchema;
use uuid::Uuid;

/// Free-form attributes of a post, to be worked with.
pub type Attributes = Map<String, Value>;

/// Attributes as the database writes them. A number has many spellings (`1e3`, `1000`, `1000.0`), and some clients take
/// them for different things; so every answer and every event has the text of the stored row.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttributesText(Box<RawValue>);

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
    pub attributes: AttributesText,
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

/// What a post was before a change.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow, ToSchema)]
pub struct Revision {
    /// The version that this was.
    pub version: i64,
    /// Its text.
    pub text: String,
    /// Its attributes.
    #[sqlx(json)]
    #[schema(value_type = Object)]
    pub attributes: AttributesText,
    /// When it was written.
    pub written_at: Timestamp,
}

impl Post {
    /// Whether its time is over at `now`; it is gone then, even while the row is still there.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

impl AttributesText {
    /// The object that the text stands for.
    pub fn object(&self) -> Attributes {
        // only objects are ever made into this, here and by a constraint of the table
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl Default for AttributesText {
    fn default() -> Self {
        Self::from(&Attributes::new())
    }
}

impl From<&Attributes> for AttributesText {
    fn from(object: &Attributes) -> Self {
        // a map with text keys always serialises
        Self(serde_json::value::to_raw_value(object).unwrap_or_default())
    }
}

impl PartialEq for AttributesText {
    fn eq(&self, other: &Self) -> bool {
        self.object() == other.object()
    }
}

/// Not the name of a [`Visibility`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be public or followers")]
pub struct UnknownVisibility;

impl FromStr for Visibility {
    type Err = UnknownVisibility;

    fn from_str(text: &str) -> Result<Self, UnknownVisibility> {
        match text {
            "public" => Ok(Self::Public),
            "followers" => Ok(Self::Followers),
            _ => Err(UnknownVisibility),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn post(author: i64, visibility: Visibility, expires_at: Option<i64>) -> Post {
        Post {
            id: Uuid::now_v7(),
            author_id: author.try_into().unwrap(),
            text: "Hello".to_owned(),
            attributes: AttributesText::default(),
            visibility,
            expires_at: expires_at.map(Timestamp::from_unix_millis),
            version: 1,
            created_at: Timestamp::from_unix_millis(0),
            updated_at: Timestamp::from_unix_millis(0),
        }
    }

    #[test]
    fn attributes_are_written_as_they_were_read() {
        let text = r#"{"a": 1000000000000000000000, "b": 1.10}"#;
        let attributes: AttributesText = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&attributes).unwrap(), text);
        assert_eq!(serde_json::to_string(&AttributesText::default()).unwrap(), "{}");
    }
}
