//! The database: the only place with SQL.

pub mod profiles;
pub mod references;

use sqlx::migrate::Migrator;

/// This service's own migrations. An older program accepts a newer schema.
pub static MIGRATOR: Migrator = Migrator { ignore_missing: true, ..sqlx::migrate!() };
