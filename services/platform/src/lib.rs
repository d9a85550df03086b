//! What the four services share, so that each of them holds only its own rules.
//!
//! | module | gives |
//! |---|---|
//! | [`cli`], [`args`] | configuration from the environment, its reference, sub-commands |
//! | [`server`], [`http`], [`tls`], [`health`] | listeners, life cycle, probes |
//! | [`telemetry`], [`metrics`], [`trace`] | what the process tells of itself |
//! | [`problem`], [`extract`], [`validate`], [`patch`] | bad input becomes RFC 9457 problem details |
//! | [`page`], [`cursor`], [`etag`], [`idempotency`] | the contract's lists, preconditions and safe retries |
//! | [`token`], [`revocations`], [`client_address`] | who calls, whether their session still runs, and from where |
//! | [`service_client`], [`deadline`] | calls to the other services, and how long they may take |
//! | [`database`], [`schema`], [`outbox`], [`event`], [`kafka`], [`consumer`] | state, and the event path |
//! | [`admin`], [`dlq`], [`replay`] | sub-commands for people: what couldn't be applied, applying again, sending again |
//! | [`id`], [`time`] | identifiers, instants |
//!
//! Nothing here knows of Kubernetes.

pub mod admin;
pub mod args;
pub mod cli;
pub mod client_address;
pub mod consumer;
pub mod cursor;
pub mod database;
pub mod deadline;
#[cfg(feature = "deliberate-bugs")]
pub mod deliberate;
pub mod dlq;
pub mod docs;
pub mod etag;
pub mod event;
pub mod extract;
pub mod health;
pub mod http;
pub mod id;
pub mod idempotency;
pub mod kafka;
pub mod metrics;
pub mod outbox;
pub mod page;
pub mod patch;
pub mod problem;
pub mod replay;
pub mod revocations;
pub mod schema;
pub mod server;
pub mod service_client;
pub mod telemetry;
pub mod time;
pub mod tls;
pub mod token;
pub mod validate;

pub use tracklore_telemetry::{https, trace};
