//! Sessions that ended while tokens of theirs are still good. Signatures can't be taken back, so the verifier asks
//! here; [`crate::revocations`] keeps it filled.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use uuid::Uuid;

use crate::time::Timestamp;

/// The longest that an access token may be good; after that nobody needs to know that its session ended.
pub const MAX_TOKEN_LIFE: Duration = Duration::from_hours(1);
/// Clocks of services differ, and the verifier forgives a little.
const SLACK: Duration = Duration::from_mins(1);

/// Ended sessions, shared by all clones. Each takes some 40 bytes for an hour.
#[derive(Clone, Debug, Default)]
pub struct Revoked(Arc<RwLock<HashMap<Uuid, i64>>>);

impl Revoked {
    /// Refuses the tokens of a session that ended at `at`, as long as there can be any.
    pub fn insert(&self, session: Uuid, at: Timestamp) {
        let until = at.plus(MAX_TOKEN_LIFE + SLACK).unix_seconds();
        let mut sessions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // the same end may be heard of twice, never an earlier one
        sessions.entry(session).and_modify(|known| *known = until.max(*known)).or_insert(until);
    }

    /// Whether the session has ended.
    pub fn contains(&self, session: Uuid) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(&session)
    }

    /// Forgets the sessions whose last token has expired at `now`, and says how many are left.
    pub(crate) fn expire(&self, now: Timestamp) -> usize {
        let mut sessions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, until| *until > now.unix_seconds());
        if sessions.capacity() > 4 * sessions.len().max(64) {
            sessions.shrink_to_fit();
        }
        sessions.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_refused_until_its_last_token_has_expired() {
        let (revoked, session, now) = (Revoked::default(), Uuid::now_v7(), Timestamp::now());
        revoked.insert(session, now);
        assert!(revoked.contains(session) && !revoked.contains(Uuid::now_v7()));
        assert_eq!(revoked.expire(now.plus(MAX_TOKEN_LIFE)), 1);
        assert!(revoked.contains(session));
        assert_eq!(revoked.expire(now.plus(MAX_TOKEN_LIFE + SLACK)), 0);
        assert!(!revoked.contains(session));
    }

    #[test]
    fn hearing_of_an_end_again_never_shortens_it() {
        let (revoked, session, now) = (Revoked::default(), Uuid::now_v7(), Timestamp::now());
        revoked.insert(session, now);
        revoked.insert(session, Timestamp::from_unix_millis(0));
        assert_eq!(revoked.expire(now), 1);
    }
}
