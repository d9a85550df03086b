//! What a Tracklore program tells of itself, the operator and the services alike.
//!
//! | module | gives |
//! |---|---|
//! | [`metric`] | metrics: each defined once, described, listed for the documents, rendered for Prometheus |
//! | [`process`] | what Prometheus expects of every process: CPU, memory, open files |
//! | [`trace`] | spans over OTLP, and the W3C context that joins them across processes |
//! | [`log`] | log lines as JSON, or as text for people |
//! | [`chain`] | errors with their causes |
//! | [`https`] | HTTP clients, which what comes above needs too |

pub mod chain;
pub mod https;
pub mod log;
pub mod metric;
pub mod process;
pub mod trace;
