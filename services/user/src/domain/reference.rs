//! `AuthUserReference`: what this service knows of an account. News of it comes as events in any order, repeated, and as
//! answers of auth in between; [`merge`] makes the same of all of them however they arrive.

use tracklore_platform::{id::UserId, time::Timestamp};

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// In use.
    Active,
    /// Locked out by an administrator: hidden, its data kept, until it is let in again.
    Suspended,
    /// Gone for ever.
    Deleted,
}

/// What is known of an account.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Reference {
    /// The user's id.
    pub id: UserId,
    /// The name; a tombstone keeps none.
    pub username: Option<String>,
    /// Whether it is in use.
    pub status: Status,
    /// When the account was made.
    pub created_at: Timestamp,
    /// The sequence of the event that told so; 0 for an answer of auth, which any event outdates.
    pub sequence: i64,
    /// When it was deleted, on a tombstone.
    pub deleted_at: Option<Timestamp>,
}

impl Reference {
    /// Whether this is all that is left of a deleted account.
    pub fn is_tombstone(&self) -> bool {
        self.status == Status::Deleted
    }

    /// Deletion is final, so it outranks everything; otherwise the later event does.
    fn rank(&self) -> (bool, i64) {
        (self.is_tombstone(), self.sequence)
    }
}

/// What is to be stored when `news` arrives and `current` is stored; `None` when nothing changes.
pub fn merge(current: &Reference, news: Reference) -> Option<Reference> {
    (news.rank() > current.rank()).then_some(news)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reference(sequence: i64, status: Status) -> Reference {
        let deleted = status == Status::Deleted;
        Reference {
            id: UserId::try_from(7).unwrap(),
            username: (!deleted).then(|| format!("name-{sequence}")),
            status,
            created_at: Timestamp::from_unix_millis(0),
            sequence,
            deleted_at: deleted.then(|| Timestamp::from_unix_millis(sequence)),
        }
    }

    fn replay(news: &[Reference]) -> Reference {
        let (first, rest) = news.split_first().unwrap();
        rest.iter().fold(first.clone(), |state, next| merge(&state, next.clone()).unwrap_or(state))
    }

    fn status() -> impl Strategy<Value = Status> {
        prop_oneof![6 => Just(Status::Active), 2 => Just(Status::Suspended), 1 => Just(Status::Deleted)]
    }

    /// A history with repetitions, and the same in another order.
    fn histories() -> impl Strategy<Value = (Vec<Reference>, Vec<Reference>)> {
        let history = proptest::collection::vec(status(), 1..8).prop_map(|statuses| {
            statuses
                .into_iter()
                .zip(0..)
                .map(|(status, sequence)| reference(sequence, status))
                .collect::<Vec<_>>()
        });
        history.prop_flat_map(|history| {
            let repeated = [history.clone(), history.clone()].concat();
            (Just(history), Just(repeated).prop_shuffle())
        })
    }

    proptest! {
        #[test]
        fn any_order_with_any_repetition_gives_the_same_state((history, shuffled) in histories()) {
            prop_assert_eq!(replay(&history), replay(&shuffled));
        }

        #[test]
        fn nothing_brings_a_deleted_account_back((_, shuffled) in histories()) {
            let deleted = shuffled.iter().any(Reference::is_tombstone);
            prop_assert_eq!(replay(&shuffled).is_tombstone(), deleted);
        }
    }

    #[test]
    fn the_same_or_an_older_event_changes_nothing() {
        let current = reference(3, Status::Active);
        assert_eq!(merge(&current, reference(3, Status::Suspended)), None);
        assert_eq!(merge(&current, reference(2, Status::Suspended)), None);
        assert_eq!(merge(&current, reference(0, Status::Active)), None);
    }

    #[test]
    fn an_event_outdates_what_auth_answered_before_it() {
        let event = reference(1, Status::Active);
        assert_eq!(merge(&reference(0, Status::Active), event.clone()), Some(event));
    }

    #[test]
    fn auth_saying_that_an_account_is_deleted_counts_before_the_event() {
        let answer = reference(0, Status::Deleted);
        assert_eq!(merge(&reference(5, Status::Active), answer.clone()), Some(answer));
    }
}
