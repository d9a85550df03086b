//! What auth tells Prometheus: all its metrics in one place.

use tracklore_platform::metrics::{self as shared, Groups, LATENCY, Metric};

pub const HASHES_WAITING: Metric =
    Metric::gauge("tracklore_auth_password_hashes_waiting", &[], "Passwords that wait to be hashed.");
pub const HASHES_RUNNING: Metric = Metric::gauge(
    "tracklore_auth_password_hashes_running",
    &[],
    "Passwords that are being hashed; at most `TRACKLORE_PASSWORD_THREADS`.",
);
pub const HASH_WAIT: Metric = Metric::histogram(
    "tracklore_auth_password_hash_wait_seconds",
    &[],
    LATENCY,
    "How long passwords waited until they were hashed.",
);
pub const HASHES_REFUSED: Metric = Metric::counter(
    "tracklore_auth_password_hashes_refused_total",
    &[],
    "Requests that were told to come again, because too many passwords waited already.",
);
pub const MAILS: Metric = Metric::counter(
    "tracklore_auth_mails_total",
    &["kind", "outcome"],
    "Mails by what became of them: `sent`, `nothing-to-say`, `failed` (will be tried again), `given-up`, \
     `over-budget` (an address got too many of the kind).",
);
pub const THROTTLED: Metric = Metric::counter(
    "tracklore_auth_throttled_total",
    &["action"],
    "Attempts that were refused because too many had failed before.",
);

const OWN: &[Metric] = &[HASHES_WAITING, HASHES_RUNNING, HASH_WAIT, HASHES_REFUSED, MAILS, THROTTLED];

/// All of auth's metrics.
pub const ALL: Groups = &[shared::HTTP, shared::DATABASE, shared::OUTBOX, shared::SESSIONS, OWN];

#[cfg(test)]
mod tests {
    #[test]
    fn every_metric_is_named_once_and_says_what_it_means() {
        assert_eq!(tracklore_platform::metrics::flaws(super::ALL), Vec::<String>::new());
    }
}
