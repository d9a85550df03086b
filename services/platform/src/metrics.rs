//! The metrics of what the services share, all in one place. A service lists those groups that it has, with its own, in
//! its module of the same name.

pub use tracklore_telemetry::metric::{Groups, LATENCY, Metric, SHORT, flaws, reference};

/// Handling an event mostly takes milliseconds, and may have to wait for others.
const HANDLING: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

pub(crate) const REQUEST_DURATION: Metric = Metric::histogram(
    "http_server_request_duration_seconds",
    &["http_request_method", "http_route", "http_response_status_code"],
    LATENCY,
    "Requests answered on the public and the internal port, and how long that took. The route is the template, \
     `unmatched` where there is none; of a stream it is the time until it begins.",
);
pub(crate) const ACTIVE_REQUESTS: Metric = Metric::gauge(
    "http_server_active_requests",
    &["http_request_method"],
    "Requests that are being answered.",
);
/// Of every service: what is asked of it.
pub const HTTP: &[Metric] = &[REQUEST_DURATION, ACTIVE_REQUESTS];

/// Connections, by state; also those to Redis, which has a pool of one.
pub const CONNECTIONS: Metric = Metric::gauge(
    "db_client_connection_count",
    &["db_client_connection_pool_name", "db_client_connection_state"],
    "Connections to the store, `idle` or `used`.",
);
pub(crate) const CONNECTIONS_MAX: Metric = Metric::gauge(
    "db_client_connection_max",
    &["db_client_connection_pool_name"],
    "Connections that there may be at most.",
);
pub(crate) const CONNECTION_TIMEOUTS: Metric = Metric::counter(
    "db_client_connection_timeouts_total",
    &[],
    "Requests that waited for a connection in vain, and got 503.",
);
/// Of services with a Postgres.
pub const DATABASE: &[Metric] = &[CONNECTIONS, CONNECTIONS_MAX, CONNECTION_TIMEOUTS];

pub(crate) const OUTBOX_DEPTH: Metric = Metric::gauge(
    "tracklore_outbox_depth",
    &[],
    "Events that wait in the outbox; 100000 stands for that and more. The same in every replica.",
);
pub(crate) const OUTBOX_AGE: Metric = Metric::gauge(
    "tracklore_outbox_oldest_age_seconds",
    &[],
    "How long the oldest event waits in the outbox; 0 when none does. The same in every replica.",
);
pub(crate) const RELAY_ACTIVE: Metric = Metric::gauge(
    "tracklore_outbox_relay_active",
    &[],
    "1 where this replica's relay publishes the events of all, else 0.",
);
pub(crate) const SENT: Metric = Metric::counter(
    "messaging_client_sent_messages_total",
    &["messaging_destination_name"],
    "Events that Kafka has taken from the outbox.",
);
/// Of services that publish events.
pub const OUTBOX: &[Metric] = &[OUTBOX_DEPTH, OUTBOX_AGE, RELAY_ACTIVE, SENT];

pub(crate) const RESTATED: Metric = Metric::counter(
    "tracklore_outbox_restated_total",
    &["messaging_destination_name", "outcome"],
    "Aggregates of which the log knew later changes than the database, because that was restored to an earlier time: \
     `there` were said again as they are, `gone` said to be gone.",
);
/// Of services that mend their log after such a thing.
pub const RESTORED: &[Metric] = &[RESTATED];

pub(crate) const CONSUMED: Metric = Metric::counter(
    "messaging_client_consumed_messages_total",
    &["messaging_destination_name"],
    "Events that were applied.",
);
pub(crate) const PROCESSING: Metric = Metric::histogram(
    "messaging_process_duration_seconds",
    &["messaging_destination_name"],
    HANDLING,
    "How long events took to be applied, with all attempts.",
);
pub(crate) const RETRIES: Metric = Metric::counter(
    "tracklore_consumer_retries_total",
    &["messaging_destination_name"],
    "Attempts to apply an event that failed and were repeated.",
);
pub(crate) const LAG_MESSAGES: Metric = Metric::gauge(
    "tracklore_consumer_lag_messages",
    &["messaging_destination_name", "messaging_destination_partition_id"],
    "Events of the partitions assigned to this process that are not applied yet.",
);
pub(crate) const LAG_SECONDS: Metric = Metric::gauge(
    "tracklore_consumer_lag_seconds",
    &["messaging_destination_name"],
    "How long ago the oldest event happened that this process has yet to apply; 0 when there is none.",
);
pub(crate) const CONNECTED: Metric = Metric::gauge(
    "tracklore_consumer_connected",
    &[],
    "1 while one of Kafka's brokers can be reached, 0 while none can: what the lag says is then old.",
);
pub(crate) const BURIED: Metric = Metric::counter(
    "tracklore_dead_letters_buried_total",
    &["messaging_destination_name"],
    "Events that nobody could process and that were put to the dead letters.",
);
pub(crate) const DEAD_LETTERS: Metric = Metric::gauge(
    "tracklore_dead_letters",
    &["messaging_destination_name"],
    "Dead letters of this service that wait to be redriven or discarded. The same in every replica.",
);
/// Of services that consume events.
pub const CONSUMER: &[Metric] =
    &[CONSUMED, PROCESSING, RETRIES, LAG_MESSAGES, LAG_SECONDS, CONNECTED, BURIED, DEAD_LETTERS];

pub(crate) const CALL_DURATION: Metric = Metric::histogram(
    "http_client_request_duration_seconds",
    &["server_address", "http_request_method", "http_response_status_code"],
    SHORT,
    "Requests to other services, each attempt for itself; without an answer the status is `none`.",
);
pub(crate) const CALLS: Metric = Metric::counter(
    "tracklore_service_client_calls_total",
    &["server_address", "outcome"],
    "Calls to other services with all their attempts: `ok`, `refused` (it said no), `unavailable`, `too-slow`, \
     `no-token` (auth gave none), `open` (not even tried: the circuit was open).",
);
pub(crate) const CALL_RETRIES: Metric = Metric::counter(
    "tracklore_service_client_retries_total",
    &["server_address", "outcome"],
    "Attempts that failed: `taken` when another one followed, `over-budget` when there had been too many of them.",
);
pub(crate) const CALLS_SHARED: Metric = Metric::counter(
    "tracklore_service_client_shared_total",
    &["server_address"],
    "Questions that were answered by a call that somebody else had begun.",
);
pub(crate) const CIRCUIT: Metric = Metric::gauge(
    "tracklore_service_client_circuit_state",
    &["server_address"],
    "The circuit breaker before another service: 0 closed (all is well), 1 half-open (one call tries), 2 open.",
);
pub(crate) const TOKENS: Metric = Metric::counter(
    "tracklore_service_client_tokens_total",
    &["outcome"],
    "Service tokens asked for: `renewed` or `failed`.",
);
/// Of services that call others.
pub const CLIENT: &[Metric] = &[CALL_DURATION, CALLS, CALL_RETRIES, CALLS_SHARED, CIRCUIT, TOKENS];

pub(crate) const SESSIONS_ENDED: Metric = Metric::counter(
    "tracklore_sessions_ended_total",
    &[],
    "Ends of sessions that this process has heard of.",
);
pub(crate) const SESSIONS_REFUSED: Metric = Metric::gauge(
    "tracklore_sessions_refused",
    &[],
    "Ended sessions whose tokens haven't expired yet: they are refused by heart.",
);
/// Of every service: whose tokens are refused.
pub const SESSIONS: &[Metric] = &[SESSIONS_ENDED, SESSIONS_REFUSED];
