//! The profile: as its owner and everybody sees it, as other services get it, and as its event carries it.

use serde::Serialize;
use tracklore_platform::{
    etag::ETag,
    event::{self, Event},
    id::UserId,
    time::Timestamp,
};
use utoipa::ToSchema;

/// Who may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum FollowPolicy {
    /// Anyone.
    Open,
    /// Those whose request was accepted.
    Approval,
}

/// A user's profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Profile {
    /// The user's id.
    pub id: UserId,
    /// The name to log in with and to be found by.
    #[schema(examples("ada"))]
    pub username: String,
    /// The name to show.
    #[schema(max_length = 100, examples("Ada Lovelace"))]
    pub display_name: Option<String>,
    /// What the user says of themselves.
    #[schema(max_length = 5000)]
    pub bio: Option<String>,
    /// A picture.
    #[schema(max_length = 2000, examples("https://img.example.org/ada.png"))]
    pub avatar_url: Option<String>,
    /// Where the user says they are.
    #[schema(max_length = 100, examples("London"))]
    pub location: Option<String>,
    /// Who may follow.
    pub follow_policy: FollowPolicy,
    /// How many follow this user.
    #[schema(minimum = 0)]
    pub followers_count: i64,
    /// How many this user follows.
    #[schema(minimum = 0)]
    pub following_count: i64,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the profile was changed last.
    pub updated_at: Timestamp,
    /// Counts the changes; 0 as long as there was none.
    #[serde(skip)]
    pub version: i64,
}

/// What other services show beside something that the user did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProfileCard {
    /// The user's id.
    pub id: UserId,
    /// The name to be found by.
    pub username: String,
    /// The name to show.
    pub display_name: Option<String>,
    /// A picture.
    pub avatar_url: Option<String>,
    /// When the profile was changed last.
    pub updated_at: Timestamp,
}

/// The payload of profile events.
#[derive(Debug, Serialize)]
struct ProfileState<'a> {
    id: UserId,
    username: &'a str,
    display_name: Option<&'a str>,
    bio: Option<&'a str>,
    avatar_url: Option<&'a str>,
    location: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Profile {
    /// The tag of exactly this representation: the username and the counts change without a new version. Changing the
    /// profile only asks for the version, so that a new follower is no conflict.
    pub fn etag(&self) -> ETag {
        ETag::of_version_and_bytes(self.version, &serde_json::to_vec(self).unwrap_or_default())
    }

    /// The event that tells of the present version.
    pub fn updated_event(&self) -> Event {
        Event {
            aggregate_type: "profile",
            aggregate_id: self.id.to_string(),
            r#type: "tracklore.profile.updated.v1",
            sequence: self.version,
            occurred_at: self.updated_at,
            payload: event::payload(&ProfileState {
                id: self.id,
                username: &self.username,
                display_name: self.display_name.as_deref(),
                bio: self.bio.as_deref(),
                avatar_url: self.avatar_url.as_deref(),
                location: self.location.as_deref(),
                created_at: self.created_at,
                updated_at: self.updated_at,
            }),
        }
    }
}

/// The event that tells that nothing is left of a user here. It takes the place of the profile in the compacted topic.
pub fn profile_deleted(id: UserId, sequence: i64, at: Timestamp) -> Event {
    Event {
        aggregate_type: "profile",
        aggregate_id: id.to_string(),
        r#type: "tracklore.profile.deleted.v1",
        sequence,
        occurred_at: at,
        payload: serde_json::json!({"id": id}),
    }
}

impl From<Profile> for ProfileCard {
    fn from(profile: Profile) -> Self {
        let Profile { id, username, display_name, avatar_url, updated_at, .. } = profile;
        Self { id, username, display_name, avatar_url, updated_at }
    }
}

#[cfg(test)]
pub mod fixtures {
    use super::*;

    /// Ada, as she is right after sign-up.
    pub fn ada() -> Profile {
        Profile {
            id: UserId::try_from(7).unwrap(),
            username: "ada".to_owned(),
            display_name: None,
            bio: None,
            avatar_url: None,
            location: None,
            follow_policy: FollowPolicy::Open,
            followers_count: 0,
            following_count: 0,
            created_at: Timestamp::from_unix_millis(1_800_000_000_000),
            updated_at: Timestamp::from_unix_millis(1_800_000_000_000),
            version: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{fixtures::ada, *};

    #[test]
    fn a_profile_is_serialised_as_the_contract_says() {
        let json = serde_json::to_value(ada()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "id": 7, "username": "ada", "display_name": null, "bio": null, "avatar_url": null, "location": null,
                "follow_policy": "open", "followers_count": 0, "following_count": 0,
                "created_at": "2027-01-15T08:00:00.000Z", "updated_at": "2027-01-15T08:00:00.000Z"
            })
        );
    }

    #[test]
    fn the_event_carries_the_whole_state_and_the_version_as_sequence() {
        let event = Profile { version: 3, bio: Some("Engines".to_owned()), ..ada() }.updated_event();
        assert_eq!((event.sequence, event.aggregate_id.as_str()), (3, "7"));
        assert_eq!(
            event.payload,
            serde_json::json!({
                "id": 7, "username": "ada", "display_name": null, "bio": "Engines", "avatar_url": null,
                "location": null, "created_at": "2027-01-15T08:00:00.000Z", "updated_at": "2027-01-15T08:00:00.000Z"
            })
        );
    }

    #[test]
    fn a_new_username_or_count_gives_a_new_etag() {
        assert_eq!(ada().etag(), ada().etag());
        assert_ne!(ada().etag(), Profile { username: "countess".to_owned(), ..ada() }.etag());
        assert_ne!(ada().etag(), Profile { followers_count: 1, ..ada() }.etag());
    }
}
