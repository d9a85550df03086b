//! How long a stack rests after a pass: a moment, or as long as the pass took, and longer each time after passes that failed; each
//! stack for itself.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::metrics;

/// What happens to a stack comes in bursts. A pass for each of it would see little more each time, and tell of every step.
const REST: Duration = Duration::from_millis(500);
/// A pass that took long says that the API server has much to do: the next one comes later, and sees more at once.
const LONGEST_REST: Duration = Duration::from_secs(5);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(5);

/// How passes ended, by uid, of all stacks that are there.
#[derive(Default)]
pub struct Backoff(Mutex<HashMap<String, Passes>>);

#[derive(Default)]
struct Passes {
    /// In a row.
    failures: u32,
    rests_until: Option<Instant>,
}

impl Backoff {
    /// A stack is there.
    pub fn heard(&self, uid: &str) {
        self.change(|stacks| {
            stacks.entry(uid.to_owned()).or_default();
        });
    }

    /// Counts a failure and tells how long to rest. One that is gone in the meantime doesn't count.
    pub fn failed(&self, uid: &str) -> Duration {
        self.change(|stacks| {
            let Some(Passes { failures, .. }) = stacks.get_mut(uid) else { return SHORTEST };
            let wait = SHORTEST.saturating_mul(2_u32.saturating_pow(*failures)).min(LONGEST);
            *failures = failures.saturating_add(1);
            wait
        })
    }

    /// It went well, and took so long.
    pub fn succeeded(&self, uid: &str, took: Duration) {
        self.change(|stacks| {
            if let Some(passes) = stacks.get_mut(uid) {
                let rests_until = Instant::now().checked_add(took.clamp(REST, LONGEST_REST));
                *passes = Passes { failures: 0, rests_until };
            }
        });
    }

    /// How long a stack still rests after a pass that went well.
    pub fn rest(&self, uid: &str) -> Option<Duration> {
        let stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stacks.get(uid)?.rests_until?.checked_duration_since(Instant::now())
    }

    /// A stack is gone.
    pub fn forget(&self, uid: &str) {
        self.change(|stacks| {
            stacks.remove(uid);
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<String, Passes>) -> T) -> T {
        let mut stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut stacks);
        metrics::backing_off(resting(&stacks));
        result
    }
}

fn resting(stacks: &HashMap<String, Passes>) -> usize {
    stacks.values().filter(|passes| passes.failures > 0).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_to_a_limit_and_begin_anew_after_success() {
        let backoff = Backoff::default();
        backoff.heard("a");
        backoff.heard("b");
        let waits: Vec<_> = (0..12).map(|_| backoff.failed("a").as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(backoff.failed("b").as_secs(), 1);
        backoff.succeeded("a", Duration::ZERO);
        assert_eq!(backoff.failed("a").as_secs(), 1);
    }

    #[test]
    fn a_stack_rests_a_moment_after_a_pass_and_as_long_as_a_long_one_took() {
        let backoff = Backoff::default();
        backoff.heard("a");
        assert_eq!(backoff.rest("a"), None, "there was none yet");
        for (took, least, most) in [(1, 250, 500), (2_000, 1_000, 2_000), (60_000, 4_000, 5_000)] {
            backoff.succeeded("a", Duration::from_millis(took));
            let rest = backoff.rest("a").unwrap().as_millis();
            assert!((least..=most).contains(&rest), "{rest} ms after {took} ms");
        }
        let over = Instant::now().checked_sub(Duration::from_millis(1));
        backoff.change(|stacks| stacks.get_mut("a").unwrap().rests_until = over);
        assert_eq!(backoff.rest("a"), None);
    }

    #[test]
    fn a_pass_that_fails_after_its_stack_has_gone_leaves_nobody_resting() {
        let backoff = Backoff::default();
        let resting = || resting(&backoff.0.lock().unwrap());
        backoff.heard("a");
        backoff.failed("a");
        assert_eq!(resting(), 1);
        backoff.forget("a");
        backoff.failed("a");
        assert_eq!(resting(), 0);
    }
}
