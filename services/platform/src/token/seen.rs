//! Tokens that were found good before: a client sends the same one for minutes, and its signature costs more than the
//! rest of a small request. What can change meanwhile is asked each time: the time and the key here, the session by the
//! verifier.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use blake2::{Blake2b256, Digest};
use jsonwebtoken::DecodingKey;

use super::User;
use crate::time::Timestamp;

/// Tokens of one generation. There are two: when the younger one is full, the older one is forgotten. What is asked for
/// gets into the younger one, so tokens in use stay. Some 200 bytes each.
const GENERATION: usize = 4096;

/// A token by its `BLAKE2b`: the tokens themselves aren't kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// A token that was found good.
pub struct Known {
    /// What it says.
    pub user: User,
    /// The name of the key that signed it.
    pub kid: String,
    /// The key that signed it.
    pub key: Arc<DecodingKey>,
    /// The last second, of the Unix epoch, in which it is good.
    pub good_until: i64,
}

/// The tokens seen of late; shared by all clones.
#[derive(Clone, Default)]
pub struct Seen(Arc<RwLock<Generations>>);

#[derive(Default)]
struct Generations {
    young: HashMap<Fingerprint, Arc<Known>>,
    old: HashMap<Fingerprint, Arc<Known>>,
}

impl Fingerprint {
    /// Of this token.
    pub fn of(token: &str) -> Self {
        Self(Blake2b256::digest(token).into())
    }
}

impl Known {
    /// Whether the token is as good as it was, if its key is now this one.
    pub fn holds(&self, key: &Arc<DecodingKey>, now: Timestamp) -> bool {
        Arc::ptr_eq(&self.key, key) && now.unix_seconds() <= self.good_until
    }
}

impl Seen {
    /// What is known of a token.
    pub fn find(&self, token: Fingerprint) -> Option<Arc<Known>> {
        let generations = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = generations.young.get(&token) {
            return Some(Arc::clone(known));
        }
        let known = Arc::clone(generations.old.get(&token)?);
        drop(generations);
        self.insert(token, Arc::clone(&known));
        Some(known)
    }

    /// Keeps a token that was found good.
    pub fn insert(&self, token: Fingerprint, known: Arc<Known>) {
        let mut generations = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= GENERATION {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(token, known);
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seen")
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn known(key: &Arc<DecodingKey>, good_until: i64) -> Arc<Known> {
        let user = User {
            id: 7.try_into().unwrap(),
            session_id: Uuid::now_v7(),
            scope: String::new(),
            auth_time: 0,
            expires_at: good_until,
        };
        Arc::new(Known { user, kid: "k1".to_owned(), key: Arc::clone(key), good_until })
    }

    fn key() -> Arc<DecodingKey> {
        Arc::new(DecodingKey::from_ed_der(&[7; 32]))
    }

    #[test]
    fn a_token_holds_under_its_own_key_and_until_its_time_is_over() {
        let (own, now) = (key(), Timestamp::now());
        let known = known(&own, now.unix_seconds());
        assert!(known.holds(&own, now));
        assert!(!known.holds(&own, now.plus(std::time::Duration::from_secs(1))));
        assert!(!known.holds(&key(), now), "a key of the same bytes may be another one's under that name");
    }

    #[test]
    fn what_is_in_use_stays_and_never_more_than_two_generations_are_kept() {
        let (seen, key, used) = (Seen::default(), key(), Fingerprint::of("in use"));
        seen.insert(used, known(&key, 0));
        for number in 0..5 * GENERATION {
            seen.insert(Fingerprint::of(&number.to_string()), known(&key, 0));
            assert!(seen.find(used).is_some(), "after {number}");
        }
        let generations = seen.0.read().unwrap();
        assert!(generations.young.len() <= GENERATION && generations.old.len() <= GENERATION);
        drop(generations);
        assert!(seen.find(Fingerprint::of("0")).is_none());
    }
}
