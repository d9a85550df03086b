//! `tracklore-user republish`: see [`crate::store::republish`].

use clap::Args;
use sqlx::PgPool;
use tracklore_platform::{
    args::DatabaseArgs,
    database::{self, DatabaseError},
    telemetry::LogFormat,
    time::Timestamp,
};

use crate::store;

/// Settings of `republish`.
#[derive(Args, Debug)]
pub struct RepublishArgs {
    /// This service's database; the events leave through the relay of the service that runs on it.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Only what changed at or after this time (RFC 3339); everything if left out.
    #[arg(long, value_parser = time)]
    pub since: Option<Timestamp>,
    /// Log level, or a list of `target=level`.
    #[arg(long, env = "TRACKLORE_LOG", default_value = "info")]
    pub log: String,
    /// `json` for machines, `text` for people.
    #[arg(long, env = "TRACKLORE_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
}

/// Why it ended early. What was written by then leaves all the same; doing it again does no harm.
#[derive(Debug, thiserror::Error)]
pub enum RepublishError {
    /// The database's settings are wrong.
    #[error("database")]
    Settings(#[from] DatabaseError),
    /// The database failed.
    #[error("events can't be written")]
    Database(#[from] sqlx::Error),
}

/// Puts the present state of everything into the outbox once more; the number of events.
pub async fn run(args: &RepublishArgs) -> Result<usize, RepublishError> {
    let pool = database::pool(&args.database)?;
    let since = args.since.unwrap_or_else(|| Timestamp::from_unix_millis(0));
    Ok(all(&pool, since).await?)
}

async fn all(pool: &PgPool, since: Timestamp) -> Result<usize, sqlx::Error> {
    let (mut after, mut events) = (None, 0);
    while let Some((last, more)) = store::republish::batch(pool, after, since).await? {
        (after, events) = (Some(last), events + more);
        tracing::info!(events, "written to the outbox");
    }
    Ok(events)
}

fn time(text: &str) -> Result<Timestamp, String> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|error| error.to_string())
}
