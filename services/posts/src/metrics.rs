//! What posts tells Prometheus: it has no metrics of its own besides those of its parts.

use tracklore_platform::metrics::{self as shared, Groups};

/// All of posts' metrics.
pub const ALL: Groups =
    &[shared::HTTP, shared::DATABASE, shared::OUTBOX, shared::RESTORED, shared::CONSUMER, shared::SESSIONS];

#[cfg(test)]
mod tests {
    #[test]
    fn every_metric_is_named_once_and_says_what_it_means() {
        assert_eq!(tracklore_platform::metrics::flaws(super::ALL), Vec::<String>::new());
    }
}
