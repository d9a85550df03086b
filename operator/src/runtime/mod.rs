//! What any long-running process needs: the Lease of the one that works, watches, probes, metrics.

pub mod api_calls;
pub mod backoff;
pub mod controller;
pub mod fence;
pub mod lease;
pub mod metrics;
pub mod server;
pub mod watches;
