//! What a record means for the feed. Knows the payloads of the topics it reads, and nothing of Redis or Kafka.

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use tracklore_platform::{
    event::{InvalidRecord, Received, Record},
    id::UserId,
    time::Timestamp,
};
use uuid::Uuid;

/// One change of the read model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A post is as this says.
    Post(PostChange),
    /// A user has this name; deleted when there is none.
    User {
        /// Who.
        id: UserId,
        /// Of the user's events.
        sequence: i64,
        /// As JSON text.
        username: Option<String>,
    },
    /// A user's profile is as this says.
    Profile {
        /// Whose.
        id: UserId,
        /// Of the profile's events.
        sequence: i64,
        /// As JSON text.
        display_name: String,
        /// As JSON text.
        avatar_url: String,
    },
    /// Nothing that concerns the feed.
    Nothing,
}

/// A post's new state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostChange {
    /// Which post.
    pub id: Uuid,
    /// Of the post's events.
    pub sequence: i64,
    /// Whose post.
    pub author: UserId,
    /// What is to be seen; `None` when nothing is (deleted, or not public).
    pub shown: Option<Shown>,
}

/// What clients see of a public post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Decides the place in the lists.
    pub created_at: Timestamp,
    /// From then on it isn't shown.
    pub expires_at: Option<Timestamp>,
    /// The posts resource as it was published.
    pub body: String,
}

/// The fields of the posts resource that the feed decides by.
#[derive(Deserialize)]
struct PostHead {
    id: Uuid,
    author_id: UserId,
    visibility: String,
    expires_at: Option<Timestamp>,
    created_at: Timestamp,
    // what every body has to have, because clients get it as it is
    #[serde(rename = "text")]
    _text: IgnoredAny,
}

#[derive(Deserialize)]
struct PostDeleted {
    id: Uuid,
    author_id: UserId,
}

#[derive(Deserialize)]
struct User {
    id: UserId,
    username: String,
}

#[derive(Deserialize)]
struct Gone {
    id: UserId,
}

#[derive(Deserialize)]
struct Profile {
    id: UserId,
    #[serde(deserialize_with = "json_text")]
    display_name: String,
    #[serde(deserialize_with = "json_text")]
    avatar_url: String,
}

impl Change {
    /// Reads a record.
    pub fn of(record: &Record) -> Result<Self, InvalidRecord> {
        let Some(event) = record.event()? else { return Ok(Self::Nothing) };
        let sequence = event.sequence;
        match event.r#type.as_str() {
            "tracklore.post.created.v1" | "tracklore.post.updated.v1" => post(&event).map(Self::Post),
            "tracklore.post.deleted.v1" => {
                let PostDeleted { id, author_id } = event.payload()?;
                Ok(Self::Post(PostChange { id, sequence, author: author_id, shown: None }))
            }
            "tracklore.user.created.v1" | "tracklore.user.updated.v1" | "tracklore.user.suspended.v1" => {
                let User { id, username } = event.payload()?;
                Ok(Self::User { id, sequence, username: Some(serde_json::Value::from(username).to_string()) })
            }
            "tracklore.user.deleted.v1" => {
                let Gone { id } = event.payload()?;
                Ok(Self::User { id, sequence, username: None })
            }
            "tracklore.profile.updated.v1" => {
                let Profile { id, display_name, avatar_url } = event.payload()?;
                Ok(Self::Profile { id, sequence, display_name, avatar_url })
            }
            _ => Ok(Self::Nothing),
        }
    }
}

fn post(event: &Received) -> Result<PostChange, InvalidRecord> {
    let body = text(event)?;
    let head: PostHead = serde_json::from_str(body).map_err(|error| invalid(event, &error))?;
    let shown = (head.visibility == "public").then(|| Shown {
        created_at: head.created_at,
        expires_at: head.expires_at,
        body: body.to_owned(),
    });
    Ok(PostChange { id: head.id, sequence: event.sequence, author: head.author_id, shown })
}

fn text(event: &Received) -> Result<&str, InvalidRecord> {
    std::str::from_utf8(event.bytes()).map_err(|error| invalid(event, &error))
}

fn invalid(event: &Received, error: &dyn std::error::Error) -> InvalidRecord {
    InvalidRecord::Payload { r#type: event.r#type.clone(), reason: error.to_string() }
}

/// A string or null, as the JSON text that clients get.
pub(crate) fn json_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Option::<String>::deserialize(deserializer)?;
    serde_json::to_string(&value).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record(r#type: &str, payload: &Value) -> Record {
        let headers = [
            ("ce_type", r#type),
            ("ce_subject", "x"),
            ("ce_sequence", "3"),
            ("ce_time", "2026-11-20T09:30:00.123Z"),
        ];
        Record {
            topic: "t".into(),
            partition: 0,
            offset: 0,
            key: vec![],
            value: Some(payload.to_string().into_bytes()),
            headers: headers.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec())).into(),
        }
    }

    fn post() -> Value {
        json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "author_id": 7, "text": "Hello", "attributes": {"a": [1]},
            "visibility": "public", "expires_at": null, "version": 3,
            "created_at": "2026-11-20T09:30:00.123Z", "updated_at": "2026-11-20T09:30:00.123Z"
        })
    }

    #[test]
    fn a_public_post_is_shown_as_it_was_published() {
        let Change::Post(change) = Change::of(&record("tracklore.post.updated.v1", &post())).unwrap() else {
            panic!("a post event")
        };
        assert_eq!((change.sequence, change.author.get()), (3, 7));
        assert_eq!(change.shown.unwrap().body, post().to_string());
    }

    #[test]
    fn a_post_for_followers_and_a_deleted_one_are_not_shown() {
        let mut followers = post();
        followers["visibility"] = json!("followers");
        let deleted = json!({"id": post()["id"], "author_id": 7, "visibility": "public", "reason": "expired", "version": 3});
        for (r#type, payload) in
            [("tracklore.post.updated.v1", followers), ("tracklore.post.deleted.v1", deleted)]
        {
            let Change::Post(change) = Change::of(&record(r#type, &payload)).unwrap() else {
                panic!("a post event")
            };
            assert_eq!(change.shown, None);
        }
    }

    #[test]
    fn names_are_kept_as_json_text() {
        let user =
            json!({"id": 7, "username": "ada", "status": "active", "created_at": "2026-11-20T09:30:00.123Z"});
        let change = Change::of(&record("tracklore.user.updated.v1", &user)).unwrap();
        assert!(matches!(change, Change::User { username: Some(name), .. } if name == "\"ada\""));
        let change = Change::of(&record("tracklore.user.deleted.v1", &user)).unwrap();
        assert!(matches!(change, Change::User { username: None, .. }));
        let profile = json!({"id": 7, "display_name": "Ada \"L\"", "avatar_url": null, "bio": "…"});
        let change = Change::of(&record("tracklore.profile.updated.v1", &profile)).unwrap();
        assert!(matches!(change, Change::Profile { display_name, avatar_url, .. }
            if display_name == r#""Ada \"L\"""# && avatar_url == "null"));
    }

    #[test]
    fn what_is_of_another_kind_means_nothing_and_what_is_broken_is_refused() {
        assert_eq!(Change::of(&record("tracklore.user.followed.v1", &json!({}))), Ok(Change::Nothing));
        let tombstone = Record { value: None, ..record("", &json!({})) };
        assert_eq!(Change::of(&tombstone), Ok(Change::Nothing));
        let mut broken = post();
        broken["author_id"] = json!("seven");
        assert!(Change::of(&record("tracklore.post.created.v1", &broken)).is_err());
        assert!(Change::of(&record("tracklore.profile.updated.v1", &json!({"id": 7}))).is_err());
    }
}
