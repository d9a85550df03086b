//! Bugs made on purpose, to show that the ledger sees them. Only debug builds with the feature `deliberate-bugs` have them,
//! and of those only processes that are told which.

#[cfg(not(debug_assertions))]
compile_error!("The feature deliberate-bugs is for the ledger's own test: no release build may have it.");

/// Whether this process was told to have this bug, by `DELIBERATE_BUG`.
pub fn has(bug: &str) -> bool {
    std::env::var("DELIBERATE_BUG").is_ok_and(|told| told == bug)
}
