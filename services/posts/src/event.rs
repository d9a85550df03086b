//! The events of a post, each with its full state: what the feed and everybody after it knows of posts.

use serde::{Deserialize, Serialize};
use tracklore_platform::{
    event::{Event, Received, payload},
    id::UserId,
    time::Timestamp,
};
use uuid::Uuid;

use crate::post::{Post, Visibility};

/// Where posts' events come from (`ce_source`).
pub const SOURCE: &str = "posts";

/// Why a post went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The author deleted it.
    Deleted,
    /// Its time was over.
    Expired,
    /// A moderator deleted it.
    Moderated,
    /// Its author's account was deleted.
    UserDeleted,
}

#[derive(Serialize)]
struct Deleted {
    id: Uuid,
    author_id: UserId,
    visibility: Visibility,
    reason: Reason,
    version: i64,
}

/// What stays known of a post that went.
#[derive(Deserialize)]
struct Head {
    id: Uuid,
    author_id: UserId,
    visibility: Visibility,
}

/// The post was written.
pub fn created(post: &Post) -> Event {
    event(post, "tracklore.post.created.v1", post.version, post.created_at, payload(post))
}

/// The post was changed.
pub fn updated(post: &Post) -> Event {
    event(post, "tracklore.post.updated.v1", post.version, post.updated_at, payload(post))
}

/// The post went; its text and attributes go with it.
pub fn deleted(post: &Post, reason: Reason, now: Timestamp) -> Event {
    let version = post.version + 1;
    let Post { id, author_id, visibility, .. } = *post;
    let state = Deleted { id, author_id, visibility, reason, version };
    event(post, "tracklore.post.deleted.v1", version, now.max(post.updated_at), payload(&state))
}

/// The post is as this says, whatever was said of it before.
pub fn restated(post: &Post, now: Timestamp) -> Event {
    event(post, "tracklore.post.updated.v1", post.version, now, payload(post))
}

/// The post that this event tells of isn't there, and the database knows nothing of its end; `None` when the event itself
/// says that it went. No reason fits, and the list of reasons is published, so it is the commonest.
pub fn lost(last: &Received, now: Timestamp) -> Option<Event> {
    if last.r#type.starts_with("tracklore.post.deleted.") {
        return None;
    }
    let Head { id, author_id, visibility } = last.payload().ok()?;
    let version = last.sequence + 1;
    Some(Event {
        aggregate_type: "post",
        aggregate_id: id.to_string(),
        r#type: "tracklore.post.deleted.v1",
        sequence: version,
        occurred_at: now.max(last.occurred_at),
        payload: payload(&Deleted { id, author_id, visibility, reason: Reason::Deleted, version }),
    })
}

fn event(
    post: &Post,
    kind: &'static str,
    sequence: i64,
    occurred_at: Timestamp,
    payload: serde_json::Value,
) -> Event {
    Event {
        aggregate_type: "post",
        aggregate_id: post.id.to_string(),
        r#type: kind,
        sequence,
        occurred_at,
        payload,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tracklore_platform::event::Record;

    use super::*;
    use crate::post::tests::post;

    #[test]
    fn the_last_event_says_why_and_nothing_of_what_was_written() {
        let post = post(7, Visibility::Followers, None);
        let event = deleted(&post, Reason::Expired, Timestamp::from_unix_millis(5));
        assert_eq!((event.sequence, event.r#type), (2, "tracklore.post.deleted.v1"));
        assert_eq!(
            event.payload,
            json!({"id": post.id, "author_id": 7, "visibility": "followers", "reason": "expired", "version": 2})
        );
    }

    fn received(kind: &str, sequence: i64, payload: &serde_json::Value) -> Received {
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let record = Record {
            topic: "posts-events".into(),
            partition: 0,
            offset: 0,
            key: vec![],
            value: Some(payload.to_string().into_bytes()),
            headers: vec![
                header("ce_type", kind),
                header("ce_subject", payload["id"].as_str().unwrap()),
                header("ce_sequence", &sequence.to_string()),
                header("ce_time", "2026-11-20T09:30:00.000Z"),
            ],
        };
        record.event().unwrap().unwrap()
    }

    #[test]
    fn a_post_that_a_restored_database_does_not_have_is_said_to_be_gone_unless_it_was() {
        let (post, now) = (post(7, Visibility::Followers, None), Timestamp::from_unix_millis(5));
        let last = received("tracklore.post.updated.v1", 4, &serde_json::to_value(&post).unwrap());
        let event = lost(&last, now).unwrap();
        assert_eq!((event.sequence, event.aggregate_id), (5, post.id.to_string()));
        assert_eq!(
            event.payload,
            json!({"id": post.id, "author_id": 7, "visibility": "followers", "reason": "deleted", "version": 5})
        );
        assert!(lost(&received("tracklore.post.deleted.v1", 5, &event.payload), now).is_none());
    }

    #[test]
    fn created_and_updated_carry_the_whole_post() {
        let post = post(7, Visibility::Public, None);
        assert_eq!(created(&post).payload, serde_json::to_value(&post).unwrap());
        assert_eq!((updated(&post).sequence, updated(&post).aggregate_id), (1, post.id.to_string()));
    }
}
