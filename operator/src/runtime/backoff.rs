//! How long a stack rests after failed passes: longer each time, each stack for itself.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::metrics;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(5);

/// Failures in a row, by uid of the stack.
#[derive(Default)]
pub struct Backoff(Mutex<HashMap<String, u32>>);

impl Backoff {
    /// Counts a failure and tells how long to rest.
    pub fn failed(&self, uid: &str) -> Duration {
        let mut stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = stacks.entry(uid.to_owned()).or_insert(0);
        let wait = SHORTEST.saturating_mul(2_u32.saturating_pow(*failures)).min(LONGEST);
        *failures = failures.saturating_add(1);
        metrics::backing_off(stacks.len());
        wait
    }

    /// Forgets a stack: it went well, or it is gone.
    pub fn succeeded(&self, uid: &str) {
        let mut stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stacks.remove(uid);
        metrics::backing_off(stacks.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_to_a_limit_and_begin_anew_after_success() {
        let backoff = Backoff::default();
        let waits: Vec<_> = (0..12).map(|_| backoff.failed("a").as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(backoff.failed("b").as_secs(), 1);
        backoff.succeeded("a");
        assert_eq!(backoff.failed("a").as_secs(), 1);
    }
}
