//! How failures slow down what comes next: the first ones are free, then every one doubles the time to wait, up to a
//! longest one. Attempts that are refused change nothing, so nobody is locked out by being tried again and again.

use std::time::Duration;

use tracklore_platform::time::Timestamp;

/// Doubling more often than this passes any longest delay.
const MAX_DOUBLINGS: u32 = 30;

/// How patient to be.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Failures without consequences.
    pub free: u32,
    /// The delay after the last free one.
    pub first_delay: Duration,
    /// No delay is longer.
    pub longest_delay: Duration,
    /// After this time without an attempt all is forgotten.
    pub memory: Duration,
}

/// What is known of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Failures that aren't forgotten.
    pub failures: u32,
    /// Attempts before this are refused.
    pub opens_at: Timestamp,
    /// From then on it is as if there was nothing.
    pub forget_at: Timestamp,
}

/// Failures that cause no delay.
#[derive(Clone, Copy, Debug)]
pub struct Undelayed {
    /// So many.
    pub failures: u32,
    /// They are forgotten then, if none comes after them.
    pub forget_at: Timestamp,
}

/// An attempt comes too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooEarly {
    /// It may come again after this.
    pub wait: Duration,
}

impl Policy {
    /// Admits an attempt at `now` and counts it as failed, since nobody knows yet: of many at once, only as many pass
    /// as would one after the other.
    pub fn charge(&self, count: Option<Count>, now: Timestamp) -> Result<Count, TooEarly> {
        let count = count.filter(|count| now < count.forget_at);
        // Free failures close nothing: who waited here behind a later attempt isn't early.
        if let Some(count) = count.filter(|count| count.failures >= self.free && now < count.opens_at) {
            let millis = count.opens_at.unix_millis() - now.unix_millis();
            // another replica's clock may be ahead
            let wait = Duration::from_millis(millis.unsigned_abs()).min(self.longest_delay);
            return Err(TooEarly { wait });
        }
        let failures = count.map_or(0, |count| count.failures).saturating_add(1);
        let opens_at = now.plus(self.delay(failures));
        Ok(Count { failures, opens_at, forget_at: opens_at.plus(self.memory) })
    }

    /// How far a key may be charged at `now` without a look at what is known of it.
    pub fn undelayed(&self, now: Timestamp) -> Undelayed {
        Undelayed { failures: self.free.saturating_sub(1), forget_at: now.plus(self.memory) }
    }

    fn delay(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(beyond) => {
                self.first_delay.saturating_mul(1 << beyond.min(MAX_DOUBLINGS)).min(self.longest_delay)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy {
        free: 5,
        first_delay: Duration::from_secs(2),
        longest_delay: Duration::from_mins(15),
        memory: Duration::from_hours(24),
    };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_millis(1_763_629_800_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn five_failures_are_free_and_then_every_one_takes_twice_as_long() {
        let mut count = None;
        for _ in 0..5 {
            count = Some(POLICY.charge(count, at(0)).unwrap());
        }
        let mut now = 0;
        for wait in [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            let early = POLICY.charge(count, at(now)).unwrap_err();
            assert_eq!(early.wait, Duration::from_secs(wait));
            assert!(POLICY.charge(count, at(now + wait - 1)).is_err());
            now += wait;
            count = Some(POLICY.charge(count, at(now)).unwrap());
        }
    }

    #[test]
    fn failures_without_a_delay_close_nothing_and_the_next_one_does() {
        let mut count = None;
        let undelayed = POLICY.undelayed(at(0));
        for failures in 1..=undelayed.failures {
            count = Some(POLICY.charge(count, at(0)).unwrap());
            assert_eq!(count, Some(Count { failures, opens_at: at(0), forget_at: undelayed.forget_at }));
        }
        assert_eq!(POLICY.charge(count, at(0)).unwrap().opens_at, at(2));
    }

    #[test]
    fn an_attempt_that_waited_behind_a_later_one_is_not_early() {
        let later = POLICY.charge(None, at(1)).unwrap();
        assert_eq!(POLICY.charge(Some(later), at(0)).unwrap().failures, 2);
    }

    #[test]
    fn a_day_later_nothing_is_left() {
        let mut count = None;
        for _ in 0..5 {
            count = Some(POLICY.charge(count, at(0)).unwrap());
        }
        let later = POLICY.charge(count, at(2 + 24 * 3600)).unwrap();
        assert_eq!((later.failures, later.opens_at), (1, at(2 + 24 * 3600)));
    }

    proptest! {
        /// However attempts come: nobody waits longer than the longest delay, who waits as long as told gets through,
        /// refusals change nothing, and those admitted are never closer than the delay that was due.
        #[test]
        fn delays_are_kept_and_end(pauses in prop::collection::vec(0_u64..2000, 1..60)) {
            let (mut count, mut now, mut admitted) = (None::<Count>, 0, Vec::new());
            for pause in pauses {
                now += pause;
                match POLICY.charge(count, at(now)) {
                    Ok(next) => {
                        admitted.push(now);
                        count = Some(next);
                    }
                    Err(early) => {
                        prop_assert!(early.wait > Duration::ZERO && early.wait <= POLICY.longest_delay);
                        prop_assert!(POLICY.charge(count, at(now).plus(early.wait)).is_ok());
                    }
                }
            }
            for (failures, pair) in (1_u32..).zip(admitted.windows(2)) {
                prop_assert!(Duration::from_secs(pair[1] - pair[0]) >= POLICY.delay(failures));
            }
        }

        /// As many guesses as time allows, whatever is tried: five, and then one for each doubling.
        #[test]
        fn guesses_in_a_time_are_few(attempts in prop::collection::vec(0_u64..3600, 0..500)) {
            let mut times = attempts;
            times.sort_unstable();
            let (mut count, mut admitted) = (None, 0);
            for time in times {
                if let Ok(next) = POLICY.charge(count, at(time)) {
                    count = Some(next);
                    admitted += 1;
                }
            }
            // 2 + 4 + … + 512 + 900 + 900 > 3600 - 774
            prop_assert!(admitted <= 5 + 9 + 3, "{admitted}");
        }
    }
}
