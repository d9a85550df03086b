//! Awards: who has which badge.

use serde::{Deserialize, Serialize};
use tracklore_platform::{
    event::{self, Event},
    id::UserId,
    problem::Problem,
    time::Timestamp,
    validate::{Violations, length_within},
};
use utoipa::ToSchema;

use super::{badge::Badge, text::is_prose};

const MAX_REASON: usize = 1_000;

/// A badge that somebody has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Award {
    /// The badge.
    pub badge: Badge,
    /// Since when.
    pub awarded_at: Timestamp,
    /// What for.
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// What is said with an award.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AwardDraft {
    /// What for; nothing if left out.
    #[serde(default)]
    #[schema(max_length = 1000, examples("For the first post"))]
    pub reason: Option<String>,
}

/// How a user stands to a badge: has it, or had it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Standing {
    /// Who.
    pub user_id: UserId,
    /// Which badge.
    pub slug: String,
    /// Since when (or since when last).
    pub awarded_at: Timestamp,
    /// What for.
    pub reason: Option<String>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// When any of this was changed.
    pub updated_at: Timestamp,
    /// Counts the events; goes on growing after the badge was taken back.
    pub sequence: i64,
}

/// The payload of [`Standing::event`].
#[derive(Debug, Serialize)]
struct AwardPayload<'a> {
    user_id: UserId,
    slug: &'a str,
    awarded_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
}

impl AwardDraft {
    /// 422 with everything that is against the rules.
    pub fn validate(&self) -> Result<(), Problem> {
        let mut violations = Violations::default();
        if let Some(reason) = &self.reason {
            let detail = format!("must have at most {MAX_REASON} characters");
            violations.require(length_within(reason, 0, MAX_REASON), "/reason", detail);
            let detail = "must have no control characters except line breaks and tabs";
            violations.require(is_prose(reason), "/reason", detail);
        }
        violations.finish()
    }

    /// How the user stands after getting the badge; `None` when they have it with this reason already.
    pub fn award(
        self,
        user_id: UserId,
        slug: &str,
        current: Option<&Standing>,
        now: Timestamp,
    ) -> Option<Standing> {
        let held = current.filter(|standing| standing.revoked_at.is_none());
        if held.is_some_and(|standing| standing.reason == self.reason) {
            return None;
        }
        let updated_at = current.map_or(now, |standing| now.max(standing.updated_at));
        Some(Standing {
            user_id,
            slug: slug.to_owned(),
            // another reason is no new award
            awarded_at: held.map_or(updated_at, |standing| standing.awarded_at),
            reason: self.reason,
            revoked_at: None,
            updated_at,
            sequence: current.map_or(0, |standing| standing.sequence) + 1,
        })
    }
}

impl Standing {
    /// How the user stands after the badge was taken back; `None` when they don't have it.
    pub fn revoke(&self, now: Timestamp) -> Option<Self> {
        if self.revoked_at.is_some() {
            return None;
        }
        let now = now.max(self.updated_at);
        Some(Self {
            reason: None,
            revoked_at: Some(now),
            updated_at: now,
            sequence: self.sequence + 1,
            ..self.clone()
        })
    }

    /// What is published of it.
    pub fn event(&self) -> Event {
        let Self { user_id, slug, awarded_at, revoked_at, .. } = self;
        let reason = self.reason.as_deref();
        Event {
            aggregate_type: "profile",
            aggregate_id: format!("{user_id}:{slug}"),
            r#type: match revoked_at {
                None => "tracklore.badge.awarded.v1",
                Some(_) => "tracklore.badge.revoked.v1",
            },
            sequence: self.sequence,
            occurred_at: self.updated_at,
            payload: event::payload(&AwardPayload {
                user_id: *user_id,
                slug,
                awarded_at: *awarded_at,
                reason,
                revoked_at: *revoked_at,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    fn award(reason: Option<&str>, current: Option<&Standing>, now: i64) -> Option<Standing> {
        let draft = AwardDraft { reason: reason.map(str::to_owned) };
        draft.award(UserId::try_from(7).unwrap(), "first-steps", current, at(now))
    }

    #[test]
    fn an_award_tells_who_which_when_and_why_and_a_revocation_no_more_why() {
        let held = award(Some("Well done"), None, 1000).unwrap();
        let event = held.event();
        assert_eq!((event.aggregate_id.as_str(), event.sequence), ("7:first-steps", 1));
        assert_eq!(
            event.payload,
            serde_json::json!({
                "user_id": 7, "slug": "first-steps", "awarded_at": "1970-01-01T00:00:01.000Z", "reason": "Well done"
            })
        );
        let event = held.revoke(at(2000)).unwrap().event();
        assert_eq!((event.r#type, event.sequence), ("tracklore.badge.revoked.v1", 2));
        assert_eq!(
            event.payload,
            serde_json::json!({
                "user_id": 7, "slug": "first-steps", "awarded_at": "1970-01-01T00:00:01.000Z",
                "revoked_at": "1970-01-01T00:00:02.000Z"
            })
        );
    }

    #[test]
    fn another_reason_keeps_the_time_and_a_new_award_doesnt() {
        let held = award(None, None, 1000).unwrap();
        assert_eq!(award(None, Some(&held), 2000), None);
        let explained = award(Some("Why"), Some(&held), 2000).unwrap();
        assert_eq!((explained.awarded_at, explained.sequence), (at(1000), 2));
        let again = award(None, explained.revoke(at(3000)).as_ref(), 4000).unwrap();
        assert_eq!((again.awarded_at, again.sequence), (at(4000), 4));
    }

    proptest! {
        #[test]
        fn every_change_is_one_event_and_the_same_again_none(
            acts in proptest::collection::vec(proptest::option::of("[ab]?"), 0..20)
        ) {
            let (mut current, mut events): (Option<Standing>, i64) = (None, 0);
            for (now, act) in (0..).zip(acts) {
                let step = |current: Option<&Standing>| match &act {
                    Some(reason) => award(Some(reason), current, now),
                    None => current.and_then(|current| current.revoke(at(now))),
                };
                if let Some(after) = step(current.as_ref()) {
                    events += 1;
                    prop_assert_eq!(step(Some(&after)), None);
                    current = Some(after);
                }
                prop_assert_eq!(current.as_ref().map_or(0, |standing| standing.sequence), events);
            }
        }
    }
}
