//! The posts service as a process, with real Postgres and Kafka, and auth beside it for tokens.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

mod changes;
mod creation;
mod errors;
mod events;
mod expiry;
mod lists;
mod sight;
mod support;
