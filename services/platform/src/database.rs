//! The service's Postgres: pool, readiness and what goes wrong with it.

use std::{str::FromStr, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    PgPool,
    migrate::MigrateError,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    args::DatabaseArgs,
    event::gate,
    metrics::{CONNECTIONS, CONNECTIONS_MAX},
};

/// How long a request waits for a connection before it is told to come again.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How often the pool is looked at, and what it is called there.
const MEASURE: Duration = Duration::from_secs(5);
const POOL: &str = "postgres";

/// Why the database could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Not a Postgres URL. The URL itself is never shown: it holds a password.
    #[error("the database URL isn't of the form postgres://user:password@host:port/database")]
    Url,
    /// No connection could be made.
    #[error("can't connect to the database")]
    Connect(#[source] sqlx::Error),
    /// A migration failed; the schema is as it was before it.
    #[error("migration failed")]
    Migrate(#[from] MigrateError),
    /// A newer version has taken away what this one may need.
    #[error(
        "this version is too old for the database: a newer one has taken away what older ones use ({what}). \
         Run that version or a later one, or restore a copy from before"
    )]
    Contracted {
        /// The first thing that it took away, in its words.
        what: String,
    },
}

/// A pool that connects when it is first used, so that a service starts before its database is there.
pub fn pool(args: &DatabaseArgs) -> Result<PgPool, DatabaseError> {
    // before anything is written into the outbox
    gate::open(&args.events);
    let options =
        options(&args.database_url, args.database_username.as_deref(), args.database_password.as_ref())?;
    Ok(PgPoolOptions::new()
        .max_connections(args.database_max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // for traces
        .acquire_time_level(log::LevelFilter::Debug)
        .idle_timeout(Duration::from_mins(5))
        // a ping before every use doubles the round trips; a dead connection fails once and is replaced
        .test_before_acquire(false)
        .connect_lazy_with(options))
}

/// For [`crate::health::Health`]: whether the database answers.
pub async fn check(pool: PgPool) -> Result<(), String> {
    sqlx::query("SELECT 1").execute(&pool).await.map(drop).map_err(|error| error.to_string())
}

/// How to connect.
pub(crate) fn options(
    url: &SecretString,
    username: Option<&str>,
    password: Option<&SecretString>,
) -> Result<PgConnectOptions, DatabaseError> {
    let mut options = PgConnectOptions::from_str(url.expose_secret()).map_err(|_| DatabaseError::Url)?;
    if let Some(username) = username {
        options = options.username(username);
    }
    if let Some(password) = password {
        options = options.password(password.expose_secret());
    }
    Ok(options.application_name("tracklore"))
}

/// Whether the failure is of the connection, not of the statement: worth a retry later.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // class 57P: shutting down, crashed, starting up; 53300: too many connections; class 08: connection;
        // 40P01: lost to another transaction that waited in a circle with this one
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code.starts_with("57P") || code.starts_with("08") || ["53300", "40P01"].contains(&code.as_ref())
        }),
        _ => false,
    }
}

/// The name of the constraint that the statement violated, if it did.
pub fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|error| error.constraint())
}

/// Tells Prometheus of the pool until `stop`.
pub async fn measure(pool: PgPool, stop: tokio_util::sync::CancellationToken) {
    let gauge = |state: &'static str| {
        metrics::gauge!(
            CONNECTIONS.name,
            "db_client_connection_pool_name" => POOL,
            "db_client_connection_state" => state,
        )
    };
    loop {
        // Each time: what is said before the recorder is there, nobody hears.
        metrics::gauge!(CONNECTIONS_MAX.name, "db_client_connection_pool_name" => POOL)
            .set(f64::from(pool.options().get_max_connections()));
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        gauge("idle").set(f64::from(idle));
        gauge("used").set(f64::from(pool.size().saturating_sub(idle)));
        if stop.run_until_cancelled(tokio::time::sleep(MEASURE)).await.is_none() {
            return;
        }
    }
}

/// Keeps the shared tables small until `stop`: outbox days older than `keep_events`, idempotency keys older than a day.
pub async fn housekeeping(pool: PgPool, keep_events: Duration, stop: tokio_util::sync::CancellationToken) {
    loop {
        if let Err(error) = housekeep(&pool, keep_events).await {
            tracing::warn!(error = %crate::problem::Chain(&error), "housekeeping failed, will be tried again");
        }
        if stop.run_until_cancelled(tokio::time::sleep(Duration::from_hours(1))).await.is_none() {
            return;
        }
    }
}

async fn housekeep(pool: &PgPool, keep_events: Duration) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT outbox_maintain(make_interval(secs => $1))")
        .bind(keep_events.as_secs_f64())
        .execute(pool)
        .await?;
    sqlx::query("DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'")
        .execute(pool)
        .await?;
    Ok(())
}
