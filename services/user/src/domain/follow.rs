//! Who follows whom: the life of one pair, as a machine without input or output.

use serde::Serialize;
use tracklore_platform::{
    event::{self, Event},
    id::UserId,
    time::Timestamp,
};

use super::profile::FollowPolicy;

/// How two users stand to each other, in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowState {
    /// The one doesn't follow the other.
    Apart,
    /// The one has asked to follow.
    Requested,
    /// The one follows.
    Following,
}

/// What can happen to a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowAct {
    /// The follower wants to follow somebody with this policy.
    Follow(FollowPolicy),
    /// The followee accepts a request.
    Accept,
    /// The followee refuses a request.
    Refuse,
    /// Either ends it, or a block does: the follow, or the request for it.
    End,
}

/// A follower and whom they follow, or did, or want to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Who follows.
    pub follower: UserId,
    /// Who is followed.
    pub followee: UserId,
    /// How they stand.
    pub state: FollowState,
    /// Counts the events of the pair; goes on growing after an end.
    pub sequence: i64,
    /// When the state became what it is.
    pub changed_at: Timestamp,
}

/// The payload of a pair's events.
#[derive(Debug, Serialize)]
struct FollowPayload {
    follower_id: UserId,
    followee_id: UserId,
    occurred_at: Timestamp,
}

impl FollowState {
    /// What comes of `act`; the same state where it means nothing.
    fn after(self, act: FollowAct) -> Self {
        match (self, act) {
            (_, FollowAct::Follow(FollowPolicy::Open)) | (Self::Requested, FollowAct::Accept) => {
                Self::Following
            }
            (Self::Apart, FollowAct::Follow(FollowPolicy::Approval)) => Self::Requested,
            (Self::Requested, FollowAct::Refuse) | (_, FollowAct::End) => Self::Apart,
            (same, _) => same,
        }
    }
}

impl Pair {
    /// Two who never had to do with each other: who might follow, and whom.
    pub fn strangers(who: UserId, whom: UserId) -> Self {
        let changed_at = Timestamp::from_unix_millis(0);
        Self { follower: who, followee: whom, state: FollowState::Apart, sequence: 0, changed_at }
    }

    /// The pair after `act` at `now`; `None` when it stays as it is. Beginning or ending to follow is an event.
    pub fn after(&self, act: FollowAct, now: Timestamp) -> Option<Self> {
        let state = self.state.after(act);
        if state == self.state {
            return None;
        }
        let is_event = state == FollowState::Following || self.state == FollowState::Following;
        Some(Self {
            state,
            sequence: self.sequence + i64::from(is_event),
            // clocks of two replicas may differ; what changed later never looks older
            changed_at: now.max(self.changed_at),
            ..self.clone()
        })
    }

    /// Whether the one follows the other: 1 or 0.
    pub fn count(&self) -> i64 {
        i64::from(self.state == FollowState::Following)
    }

    /// What is published of the present state; nothing before the first accepted follow. A request tells nobody.
    pub fn event(&self) -> Option<Event> {
        if self.sequence == 0 {
            return None;
        }
        let following = self.state == FollowState::Following;
        let payload = FollowPayload {
            follower_id: self.follower,
            followee_id: self.followee,
            occurred_at: self.changed_at,
        };
        Some(Event {
            aggregate_type: "profile",
            aggregate_id: format!("{}:{}", self.follower, self.followee),
            r#type: if following { "tracklore.user.followed.v1" } else { "tracklore.user.unfollowed.v1" },
            sequence: self.sequence,
            occurred_at: self.changed_at,
            payload: event::payload(&payload),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn strangers() -> Pair {
        Pair::strangers(UserId::try_from(7).unwrap(), UserId::try_from(8).unwrap())
    }

    fn act() -> impl Strategy<Value = FollowAct> {
        prop_oneof![
            Just(FollowAct::Follow(FollowPolicy::Open)),
            Just(FollowAct::Follow(FollowPolicy::Approval)),
            Just(FollowAct::Accept),
            Just(FollowAct::Refuse),
            Just(FollowAct::End),
        ]
    }

    proptest! {
        #[test]
        fn events_alternate_without_gaps_and_the_count_is_what_they_say(
            acts in proptest::collection::vec((act(), 0_i64..50), 0..40)
        ) {
            let (mut pair, mut published, mut count) = (strangers(), Vec::new(), 0);
            for (act, millis) in acts {
                if let Some(after) = pair.after(act, Timestamp::from_unix_millis(millis)) {
                    count += after.count() - pair.count();
                    if after.sequence > pair.sequence {
                        published.push(after.event().unwrap());
                    }
                    prop_assert!(after.changed_at >= pair.changed_at);
                    pair = after;
                }
                prop_assert_eq!(pair.after(act, pair.changed_at), None, "the same again changes nothing");
                prop_assert_eq!(count, pair.count());
            }
            for (sequence, event) in (1..).zip(&published) {
                prop_assert_eq!(event.sequence, sequence);
                prop_assert_eq!(event.r#type.contains(".followed."), sequence % 2 == 1);
            }
        }

        #[test]
        fn nobody_follows_under_approval_without_being_accepted(
            acts in proptest::collection::vec(act(), 0..20)
        ) {
            let mut pair = strangers();
            for act in acts.into_iter().filter(|act| *act != FollowAct::Follow(FollowPolicy::Open)) {
                let before = pair.state;
                pair = pair.after(act, pair.changed_at).unwrap_or(pair);
                if pair.state == FollowState::Following && before != FollowState::Following {
                    prop_assert_eq!((before, act), (FollowState::Requested, FollowAct::Accept));
                }
            }
        }
    }

    #[test]
    fn an_event_names_both_and_the_time() {
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let pair = strangers().after(FollowAct::Follow(FollowPolicy::Open), now).unwrap();
        let event = pair.event().unwrap();
        assert_eq!((event.aggregate_id.as_str(), event.sequence), ("7:8", 1));
        assert_eq!(
            event.payload,
            serde_json::json!({"follower_id": 7, "followee_id": 8, "occurred_at": "2027-01-15T08:00:00.000Z"})
        );
        assert!(strangers().event().is_none());
    }
}
