//! The retry budget: retries are a small part of all calls, so that they help in a bad moment and don't double the load of
//! a service that is in trouble.

use std::sync::atomic::{AtomicU32, Ordering};

/// What a retry costs; a call brings 1.
const COST: u32 = 10;
/// Ten retries can be saved up.
const MOST: u32 = 10 * COST;

/// One service's budget.
#[derive(Debug)]
pub struct Budget(AtomicU32);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(MOST))
    }
}

impl Budget {
    /// A call was begun.
    pub fn earn(&self) {
        let add = |held: u32| (held < MOST).then_some(held + 1);
        // a full one stays full
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Whether a retry can be afforded; it is paid for then.
    pub fn spend(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| held.checked_sub(COST)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_tenth_of_the_calls_beyond_what_was_saved_up() {
        let budget = Budget::default();
        let retries = (0..1000).filter(|_| {
            budget.earn();
            budget.spend()
        });
        let retries = retries.count();
        assert!((100..=111).contains(&retries), "{retries}");
    }
}
