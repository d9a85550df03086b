//! Logs.

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, filter::ParseError};

/// How log lines look.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// One JSON object per line, for machines.
    Json,
    /// For people.
    Text,
}

/// Sets the process' logger; `filter` as in `RUST_LOG`.
pub fn install(filter: &str, format: Format) -> Result<(), ParseError> {
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::try_new(filter)?);
    match format {
        Format::Json => builder.json().flatten_event(true).with_current_span(false).init(),
        Format::Text => builder.init(),
    }
    Ok(())
}
