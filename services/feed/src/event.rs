//! What a record means for the feed. Knows the payloads of the topics it reads, and nothing of Redis or Kafka.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;
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
    /// Somebody follows somebody, or no longer.
    Follow {
        /// Who.
        follower: UserId,
        /// Whom.
        followee: UserId,
        /// Of this pair's events.
        sequence: i64,
        /// Whether they follow now.
        follows: bool,
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
    /// What is to be seen; `None` when nothing is.
    pub shown: Option<Shown>,
}

/// Who may see a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everybody.
    Public,
    /// The author's followers.
    Followers,
}

/// What clients see of a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// By whom.
    pub audience: Audience,
    /// Decides the place in the lists.
    pub created_at: Timestamp,
    /// From then on it isn't shown.
    pub expires_at: Option<Timestamp>,
    /// The posts resource as it was published, its members in the order of their names.
    pub body: String,
}

impl Audience {
    /// As Redis keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Followers => "followers",
        }
    }
}

/// The fields of the posts resource that the feed decides by.
#[derive(Deserialize)]
struct PostHead {
    id: Uuid,
    author_id: UserId,
    visibility: String,
    expires_at: Option<Timestamp>,
    created_at: Timestamp,
    version: i64,
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
struct Pair {
    follower_id: UserId,
    followee_id: UserId,
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
            "tracklore.user.followed.v1" | "tracklore.user.unfollowed.v1" => {
                let Pair { follower_id, followee_id } = event.payload()?;
                let follows = event.r#type == "tracklore.user.followed.v1";
                Ok(Self::Follow { follower: follower_id, followee: followee_id, sequence, follows })
            }
            _ => Ok(Self::Nothing),
        }
    }
}

fn post(event: &Received) -> Result<PostChange, InvalidRecord> {
    let change = PostChange::of_resource(text(event)?).map_err(|error| invalid(event, &error))?;
    Ok(PostChange { sequence: event.sequence, ..change })
}

impl PostChange {
    /// The state that a posts resource tells of; its version is the sequence of the event that told of it.
    pub fn of_resource(text: &str) -> Result<Self, serde_json::Error> {
        let head: PostHead = serde_json::from_str(text)?;
        let audience = match head.visibility.as_str() {
            "public" => Some(Audience::Public),
            "followers" => Some(Audience::Followers),
            // a kind of a newer version: nobody, rather than too many
            _ => None,
        };
        // events and snapshots write the same resource, in different orders
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
        let (created_at, expires_at) = (head.created_at, head.expires_at);
        let body = serde_json::to_string(&members)?;
        let shown = audience.map(|audience| Shown { audience, created_at, expires_at, body });
        Ok(Self { id: head.id, sequence: head.version, author: head.author_id, shown })
    }
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
    fn a_post_is_seen_by_its_audience_and_a_deleted_one_or_one_of_an_unknown_kind_by_nobody() {
        let mut followers = post();
        followers["visibility"] = json!("followers");
        let mut newer = post();
        newer["visibility"] = json!("friends");
        let deleted = json!({"id": post()["id"], "author_id": 7, "visibility": "public", "reason": "expired", "version": 3});
        for (r#type, payload, audience) in [
            ("tracklore.post.created.v1", post(), Some(Audience::Public)),
            ("tracklore.post.updated.v1", followers, Some(Audience::Followers)),
            ("tracklore.post.updated.v1", newer, None),
            ("tracklore.post.deleted.v1", deleted, None),
        ] {
            let Change::Post(change) = Change::of(&record(r#type, &payload)).unwrap() else {
                panic!("a post event")
            };
            assert_eq!(change.shown.map(|shown| shown.audience), audience);
        }
    }

    #[test]
    fn a_body_is_the_same_text_whatever_the_order_of_its_members() {
        let one = r#"{"visibility":"public","id":"01890a5d-ac96-774b-bcce-b302099a8057","author_id":7,"text":"é\u0001",
            "attributes":{"b":1e3, "a":2},"expires_at":null,"version":3,"created_at":"2026-11-20T09:30:00.123Z",
            "updated_at":"2026-11-20T09:30:00.123Z","more":[1]}"#;
        let other = PostChange::of_resource(one).unwrap().shown.unwrap().body;
        assert!(
            other.contains(r#""attributes":{"b":1e3, "a":2}"#) && other.contains(r#""more":[1]"#),
            "{other}"
        );
        assert_eq!(PostChange::of_resource(&other).unwrap().shown.unwrap().body, other);
    }

    #[test]
    fn a_pair_is_followed_or_not() {
        let pair = json!({"follower_id": 1, "followee_id": 2, "occurred_at": "2026-11-20T09:30:00.123Z"});
        for (what, follows) in [("followed", true), ("unfollowed", false)] {
            let change = Change::of(&record(&format!("tracklore.user.{what}.v1"), &pair)).unwrap();
            let (follower, followee) = (1.try_into().unwrap(), 2.try_into().unwrap());
            assert_eq!(change, Change::Follow { follower, followee, sequence: 3, follows });
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
        assert_eq!(Change::of(&record("tracklore.badge.awarded.v1", &json!({}))), Ok(Change::Nothing));
        let tombstone = Record { value: None, ..record("", &json!({})) };
        assert_eq!(Change::of(&tombstone), Ok(Change::Nothing));
        let mut broken = post();
        broken["author_id"] = json!("seven");
        assert!(Change::of(&record("tracklore.post.created.v1", &broken)).is_err());
        assert!(Change::of(&record("tracklore.profile.updated.v1", &json!({"id": 7}))).is_err());
    }
}
