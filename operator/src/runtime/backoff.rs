//! How long a stack rests after failed passes: longer each time, each stack for itself.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::metrics;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(5);

/// Failures in a row, by uid, of all stacks that are there.
#[derive(Default)]
pub struct Backoff(Mutex<HashMap<String, u32>>);

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
            let Some(failures) = stacks.get_mut(uid) else { return SHORTEST };
            let wait = SHORTEST.saturating_mul(2_u32.saturating_pow(*failures)).min(LONGEST);
            *failures = failures.saturating_add(1);
            wait
        })
    }

    /// It went well.
    pub fn succeeded(&self, uid: &str) {
        self.change(|stacks| {
            if let Some(failures) = stacks.get_mut(uid) {
                *failures = 0;
            }
        });
    }

    /// A stack is gone.
    pub fn forget(&self, uid: &str) {
        self.change(|stacks| {
            stacks.remove(uid);
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<String, u32>) -> T) -> T {
        let mut stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut stacks);
        metrics::backing_off(resting(&stacks));
        result
    }
}

fn resting(stacks: &HashMap<String, u32>) -> usize {
    stacks.values().filter(|failures| **failures > 0).count()
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
        backoff.succeeded("a");
        assert_eq!(backoff.failed("a").as_secs(), 1);
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
