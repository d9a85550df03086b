//! An account as auth tells of it, in events and in answers alike.

use serde::Deserialize;
use tracklore_platform::{id::UserId, time::Timestamp};

use super::reference::{Reference, Status};

/// Far above what auth gives out; only keeps out what could not be stored or shown.
const MAX_USERNAME: usize = 100;

/// The state of an account.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    /// The user's id.
    pub id: UserId,
    /// The name; a deleted account may have none.
    #[serde(default)]
    pub username: Option<String>,
    /// Whether it is in use.
    pub status: Status,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An account that is in use but has no name that could be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("account has no usable username")]
pub struct Nameless;

impl Account {
    /// What to keep of it, as told at `at` by the event with this sequence (0: by auth itself).
    pub fn reference(self, sequence: i64, at: Timestamp) -> Result<Reference, Nameless> {
        let Self { id, username, status, created_at } = self;
        let deleted = status == Status::Deleted;
        let username = username.filter(|_| !deleted);
        let usable = |name: &String| {
            (1..=MAX_USERNAME).contains(&name.chars().count()) && !name.chars().any(char::is_control)
        };
        if !deleted && !username.as_ref().is_some_and(usable) {
            return Err(Nameless);
        }
        Ok(Reference { id, username, status, created_at, sequence, deleted_at: deleted.then_some(at) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account(username: &serde_json::Value, status: &str) -> Account {
        let account =
            json!({"id": 7, "username": username, "status": status, "created_at": "2026-11-20T09:30:00Z"});
        serde_json::from_value(account).unwrap()
    }

    #[test]
    fn a_tombstone_keeps_no_name_but_the_time() {
        let at = Timestamp::from_unix_millis(5);
        let reference = account(&json!("ada"), "deleted").reference(4, at).unwrap();
        assert_eq!((reference.username, reference.deleted_at, reference.sequence), (None, Some(at), 4));
        assert!(account(&json!(null), "deleted").reference(4, at).is_ok());
    }

    #[test]
    fn an_account_in_use_needs_a_name_that_can_be_stored() {
        let at = Timestamp::from_unix_millis(5);
        assert!(account(&json!("ada"), "suspended").reference(1, at).is_ok());
        for bad in [json!(null), json!(""), json!("a\0"), json!("x".repeat(101))] {
            assert_eq!(account(&bad, "active").reference(1, at), Err(Nameless));
        }
    }
}
