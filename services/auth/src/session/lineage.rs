//! Which refresh token of a session is good, and what follows from presenting it. Every use gives the next one. The
//! one before it may come again for a moment, because answers get lost and tabs refresh at the same time; it then
//! gives the token that the first use gave. Any older one was copied by somebody, and nobody can tell who is who, so
//! the session ends.

use std::time::Duration;

use tracklore_platform::time::Timestamp;

/// How long the last token may come again.
pub const GRACE: Duration = Duration::from_secs(10);
/// A session that isn't refreshed for this long ends…
const IDLE: Duration = Duration::from_hours(30 * 24);
/// …and every session does after this.
const ABSOLUTE: Duration = Duration::from_hours(90 * 24);

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// Counter of the present refresh token.
    pub counter: i64,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When the counter was last moved.
    pub last_used_at: Timestamp,
    /// The last moment of the session, if nobody refreshes.
    pub expires_at: Timestamp,
    /// Ended before its time.
    pub revoked: bool,
}

/// What follows from a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Good: this is the session from now on, and its counter is the new token's.
    Rotate(Lineage),
    /// The last one once more: the present token again, and nothing changes.
    Repeat,
    /// Not good, and no reason to do anything about the session.
    Refuse,
    /// A copy is in use: the session ends.
    End,
}

impl Lineage {
    /// A session that begins at `now`.
    pub fn start(now: Timestamp) -> Self {
        Self { counter: 0, created_at: now, last_used_at: now, expires_at: now.plus(IDLE), revoked: false }
    }

    /// What a genuine token with the counter `presented` means at `now`.
    pub fn judge(&self, presented: i64, now: Timestamp) -> Verdict {
        if self.revoked || now >= self.expires_at {
            return Verdict::Refuse;
        }
        match self.counter.saturating_sub(presented) {
            // a token newer than the session: the database was restored. Nobody stole anything.
            ..0 => Verdict::Refuse,
            0 => Verdict::Rotate(Self {
                counter: self.counter.saturating_add(1),
                last_used_at: now,
                expires_at: now.plus(IDLE).min(self.created_at.plus(ABSOLUTE)),
                ..*self
            }),
            1 if now < self.last_used_at.plus(GRACE) => Verdict::Repeat,
            _ => Verdict::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_millis(1_763_629_800_000).plus(Duration::from_secs(seconds))
    }

    const DAY: u64 = 24 * 60 * 60;

    #[test]
    fn the_last_token_is_good_again_within_the_grace_and_ends_the_session_after_it() {
        let Verdict::Rotate(lineage) = Lineage::start(at(0)).judge(0, at(100)) else { panic!("not rotated") };
        assert_eq!(lineage.counter, 1);
        assert_eq!(lineage.judge(0, at(109)), Verdict::Repeat);
        assert_eq!(lineage.judge(0, at(110)), Verdict::End);
        assert!(matches!(lineage.judge(1, at(110)), Verdict::Rotate(_)));
    }

    #[test]
    fn a_session_ends_after_30_days_without_use_and_after_90_days_of_use() {
        let start = Lineage::start(at(0));
        assert_eq!(start.judge(0, at(30 * DAY)), Verdict::Refuse);
        let mut lineage = start;
        for day in [29, 58, 87] {
            let Verdict::Rotate(next) = lineage.judge(lineage.counter, at(day * DAY)) else {
                panic!("not rotated on day {day}")
            };
            lineage = next;
        }
        assert_eq!(lineage.expires_at, at(90 * DAY));
        assert_eq!(lineage.judge(lineage.counter, at(90 * DAY)), Verdict::Refuse);
    }

    #[test]
    fn a_token_newer_than_a_restored_database_is_refused_and_ends_nothing() {
        assert_eq!(Lineage::start(at(0)).judge(1, at(1)), Verdict::Refuse);
    }

    proptest! {
        /// Clients, honest or not, present any token ever given out, at any time: what they get is the present token
        /// or nothing, a token older than the last always ends the session, and after the end nothing is good.
        #[test]
        fn no_history_of_uses_leaves_two_tokens_good(
            uses in prop::collection::vec((0_u64..15, 0_i64..4), 1..60)
        ) {
            let mut now = 0;
            let mut lineage = Lineage::start(at(0));
            let mut moved_at = 0;
            for (pause, behind) in uses {
                now += pause;
                let presented = (lineage.counter - behind).max(0);
                let behind = lineage.counter - presented;
                match lineage.judge(presented, at(now)) {
                    Verdict::Rotate(next) => {
                        prop_assert_eq!(behind, 0);
                        prop_assert_eq!(next.counter, lineage.counter + 1);
                        lineage = next;
                        moved_at = now;
                    }
                    Verdict::Repeat => {
                        prop_assert_eq!(behind, 1);
                        prop_assert!(now - moved_at < GRACE.as_secs());
                    }
                    Verdict::End => {
                        prop_assert!(!lineage.revoked);
                        prop_assert!(behind > 1 || (behind == 1 && now - moved_at >= GRACE.as_secs()));
                        lineage.revoked = true;
                    }
                    Verdict::Refuse => prop_assert!(lineage.revoked),
                }
            }
        }
    }
}
