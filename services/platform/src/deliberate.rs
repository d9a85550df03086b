//! Bugs made on purpose, to show that the ledger sees them, and clocks that go wrong. Only debug builds with the feature `deliberate-bugs` have them,
//! and of those only processes that are told which.

#[cfg(not(debug_assertions))]
compile_error!("The feature deliberate-bugs is for the ledger's own test: no release build may have it.");

use std::{sync::LazyLock, time::Duration};

use chrono::TimeDelta;

/// Between two halves of what must be one: as long as a disk or a busy machine may take, which the tests' servers don't.
pub const GAP: Duration = Duration::from_millis(50);

/// How far this process' clock is ahead, by `DELIBERATE_CLOCK`, in milliseconds; below zero, behind.
static CLOCK: LazyLock<TimeDelta> = LazyLock::new(|| {
    let told = std::env::var("DELIBERATE_CLOCK").ok().and_then(|told| told.parse().ok());
    TimeDelta::milliseconds(told.unwrap_or(0))
});

/// How far this process' clock is ahead.
pub fn clock() -> TimeDelta {
    *CLOCK
}

/// Whether this process was told to have this bug, by `DELIBERATE_BUG`.
pub fn has(bug: &str) -> bool {
    std::env::var("DELIBERATE_BUG").is_ok_and(|told| told == bug)
}
