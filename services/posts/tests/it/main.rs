//! The posts service as a process, with real Postgres and Kafka, and auth beside it for tokens.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

mod changes;
mod commands;
mod consumer;
mod creation;
mod errors;
mod events;
mod expiry;
mod follows;
mod internal;
mod lists;
mod moderation;
mod replicas;
mod restored;
mod revisions;
mod rules;
mod schemas;
mod sight;
mod support;
mod tokens;
mod users;
