//! What feed tells Prometheus: all its metrics in one place.

use tracklore_platform::metrics::{self as shared, Groups, Metric, SHORT};

/// Changes mostly show within a tenth of a second; after an outage they may be hours late.
const FRESHNESS_BOUNDS: &[f64] =
    &[0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0];

pub(crate) const FRESHNESS: Metric = Metric::histogram(
    "tracklore_feed_freshness_seconds",
    &[],
    FRESHNESS_BOUNDS,
    "How long after a change of a post the lists showed it. What is read again while the feed catches up isn't counted.",
);
pub(crate) const STALENESS: Metric = Metric::gauge(
    "tracklore_feed_staleness_seconds",
    &[],
    "How long ago the oldest change of a post happened that this replica has yet to show; 0 when it has shown all.",
);
pub(crate) const CATCHING_UP: Metric = Metric::gauge(
    "tracklore_feed_catching_up",
    &[],
    "1 while the lists may miss what happened before the replica started, else 0.",
);
pub(crate) const STREAMS: Metric =
    Metric::gauge("tracklore_feed_stream_connections", &["transport"], "Live connections: `sse` or `ws`.");
pub(crate) const STREAMS_REFUSED: Metric = Metric::counter(
    "tracklore_feed_stream_connections_refused_total",
    &["transport"],
    "Live connections that got 503, because all places were taken.",
);
pub(crate) const LOG_LOST: Metric = Metric::counter(
    "tracklore_feed_log_lost_total",
    &[],
    "How often the log of changes was lost, so that all live clients were told to read anew.",
);
pub(crate) const REDIS_DURATION: Metric = Metric::histogram(
    "db_client_operation_duration_seconds",
    &["db_system_name", "db_stored_procedure_name", "outcome"],
    SHORT,
    "Calls of the functions in Redis, `ok` or `failed`.",
);

const OWN: &[Metric] = &[
    shared::CONNECTIONS,
    REDIS_DURATION,
    FRESHNESS,
    STALENESS,
    CATCHING_UP,
    STREAMS,
    STREAMS_REFUSED,
    LOG_LOST,
];

/// All of feed's metrics.
pub const ALL: Groups = &[shared::HTTP, shared::CONSUMER, shared::CLIENT, shared::SESSIONS, OWN];

#[cfg(test)]
mod tests {
    #[test]
    fn every_metric_is_named_once_and_says_what_it_means() {
        assert_eq!(tracklore_platform::metrics::flaws(super::ALL), Vec::<String>::new());
    }
}
