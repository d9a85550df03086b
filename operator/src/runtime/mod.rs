//! What any long-running process needs: watches, probes, metrics, logs.

pub mod backoff;
pub mod metrics;
pub mod server;
pub mod telemetry;
pub mod watches;
