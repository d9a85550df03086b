//! What the answers look like, for the OpenAPI document. Answers are put together from stored JSON, never from these.
#![expect(dead_code, reason = "described, not made")]

use tracklore_platform::{id::UserId, time::Timestamp};
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of activities, newest first.
#[derive(ToSchema)]
pub struct ActivityPage {
    /// At most `limit`.
    items: Vec<Activity>,
    /// Where the next page starts; null on the last one.
    next_cursor: Option<String>,
}

/// Something that somebody did.
#[derive(ToSchema)]
pub struct Activity {
    /// The same for as long as the activity is there.
    id: Uuid,
    /// What was done; clients should pass over types that they don't know.
    r#type: ActivityType,
    /// Who did it.
    actor: Actor,
    /// The post.
    post: Post,
    /// When; lists are ordered by this, then by id.
    occurred_at: Timestamp,
}

/// Kinds of activities.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ActivityType {
    /// A post was published.
    Post,
}

/// An event of the stream, as `EventSource` gives it.
#[derive(ToSchema)]
pub struct StreamEvent {
    /// What to send as `Last-Event-ID`.
    id: String,
    /// `activity.created`, `activity.updated`, `activity.removed` or `reset`.
    #[schema(examples("activity.created"))]
    event: String,
    /// JSON: the activity, `{"id": …}` or `{}`.
    data: String,
}

/// A user as shown beside what they did.
#[derive(ToSchema)]
pub struct Actor {
    /// The user id.
    id: UserId,
    /// The user name.
    #[schema(examples("ada"))]
    username: String,
    /// The name to show, if there is one.
    display_name: Option<String>,
    /// The picture to show, if there is one.
    #[schema(value_type = Option<String>, examples("https://example.org/ada.png"))]
    avatar_url: Option<String>,
}

/// A post as the posts service answers it.
#[derive(ToSchema)]
pub struct Post {
    /// The post id.
    id: Uuid,
    /// Whose post.
    author_id: UserId,
    /// 1–5,000 characters.
    text: String,
    /// Free-form.
    #[schema(value_type = Object)]
    attributes: serde_json::Value,
    /// Only public posts are in these lists.
    #[schema(examples("public"))]
    visibility: String,
    /// From then on it isn't there any more.
    expires_at: Option<Timestamp>,
    /// Counts changes from 1.
    version: i64,
    /// When it was published.
    created_at: Timestamp,
    /// When it was changed last.
    updated_at: Timestamp,
}
