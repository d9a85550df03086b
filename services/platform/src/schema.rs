//! A service's schema through its versions: it grows before a new version serves, and what only older versions use goes when
//! none of them is left. Between the two, both versions work on it.
//!
//! `migrate` runs first this crate's migrations (outbox, idempotency keys), then the service's own, `migrate --contract` those
//! that take away; each kind has a bookkeeping table of its own. A program accepts additions that it doesn't know, so an older
//! one serves on. What a newer one has taken away it doesn't accept: its `migrate` fails, before it would serve without it.

use std::{borrow::Cow, time::Duration};

use sqlx::{
    Connection, Executor, PgConnection,
    migrate::{Migrate, MigrateError, Migrator},
    postgres::PgConnectOptions,
};
use tokio::time::sleep;

use crate::{
    args::MigrateArgs,
    database::{DatabaseError, is_unavailable, options},
};

/// The bookkeeping table of what has been taken away.
pub const CONTRACTED: &str = "_contract_migrations";

/// How often `migrate` tries while the server is just starting or somebody else uses a table, and how long it rests between.
const ATTEMPTS: u32 = 60;
const REST: Duration = Duration::from_secs(1);
/// How long a migration waits for a table. Whoever comes after it waits behind it: it gives way and tries again.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '1s'";
/// `lock_not_available`, among Postgres' error codes.
const LOCK_TIMED_OUT: &str = "55P03";

static PLATFORM: Migrator =
    Migrator { table_name: Cow::Borrowed("_platform_migrations"), ignore_missing: true, ..sqlx::migrate!() };

/// The migrations of a service. [`schema!`](crate::schema) reads them from its folders.
pub struct Schema {
    /// What is added, from `migrations/`.
    pub expand: Migrator,
    /// What is taken away, from `contract/`.
    pub contract: Migrator,
}

/// The [`Schema`] of the calling crate, from its folders `migrations/` and `contract/`.
#[macro_export]
macro_rules! schema {
    () => {
        $crate::schema::Schema {
            expand: sqlx::migrate::Migrator { ignore_missing: true, ..sqlx::migrate!("./migrations") },
            contract: sqlx::migrate::Migrator {
                table_name: std::borrow::Cow::Borrowed($crate::schema::CONTRACTED),
                ..sqlx::migrate!("./contract")
            },
        }
    };
}

impl Schema {
    /// Adds what is missing, or with `--contract` takes away what only older versions use. Two at once wait for each other
    /// (advisory lock).
    ///
    /// # Errors
    ///
    /// Besides failures of the database: [`DatabaseError::Contracted`] where a newer version has taken away something already.
    pub async fn migrate(&self, args: &MigrateArgs) -> Result<(), DatabaseError> {
        let options = options(
            &args.migration_database_url,
            args.migration_database_username.as_deref(),
            args.migration_database_password.as_ref(),
        )?;
        let mut attempt = 1;
        while let Err(error) = self.attempt(&options, args.contract).await {
            if !passes_by(&error) || attempt == ATTEMPTS {
                return Err(error);
            }
            tracing::info!(error = %crate::problem::Chain(&error), "not now, trying again");
            attempt += 1;
            sleep(REST).await;
        }
        tracing::info!(contract = args.contract, "schema is up to date");
        Ok(())
    }

    async fn attempt(&self, options: &PgConnectOptions, contract: bool) -> Result<(), DatabaseError> {
        let mut connection = PgConnection::connect_with(options).await.map_err(DatabaseError::Connect)?;
        // Until this connection ends: nothing is taken away between the look at what has been, and the end of the migrations.
        connection.lock().await?;
        connection.execute(LOCK_TIMEOUT).await.map_err(DatabaseError::Connect)?;
        self.refuse_contracted(&mut connection).await?;
        if contract {
            self.contract.run(&mut connection).await?;
        } else {
            PLATFORM.run(&mut connection).await?;
            self.expand.run(&mut connection).await?;
        }
        Ok(())
    }

    async fn refuse_contracted(&self, connection: &mut PgConnection) -> Result<(), DatabaseError> {
        let known: Vec<i64> = self.contract.iter().map(|migration| migration.version).collect();
        let exists = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(CONTRACTED);
        if !exists.fetch_one(&mut *connection).await.map_err(DatabaseError::Connect)? {
            return Ok(());
        }
        let unknown: Option<String> = sqlx::query_scalar(
            "SELECT description FROM _contract_migrations WHERE version <> ALL ($1) ORDER BY version LIMIT 1",
        )
        .bind(known)
        .fetch_optional(connection)
        .await
        .map_err(DatabaseError::Connect)?;
        unknown.map_or(Ok(()), |what| Err(DatabaseError::Contracted { what }))
    }
}

/// Whether another attempt may go well: the server is away, or somebody else uses the table.
fn passes_by(error: &DatabaseError) -> bool {
    let source = match error {
        DatabaseError::Connect(error) => error,
        DatabaseError::Migrate(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
            error
        }
        _ => return false,
    };
    let timed_out =
        source.as_database_error().is_some_and(|error| error.code().as_deref() == Some(LOCK_TIMED_OUT));
    timed_out || is_unavailable(source)
}
