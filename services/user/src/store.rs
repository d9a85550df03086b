//! The database: the only place with SQL.

pub mod awards;
pub mod badges;
pub mod blocks;
mod erasure;
pub mod follows;
pub mod goals;
pub mod people;
pub mod profiles;
pub mod references;
pub mod republish;
pub mod settings;

use sqlx::migrate::Migrator;

/// The name of this service in its events.
const SOURCE: &str = "user";

/// This service's own migrations. An older program accepts a newer schema.
pub static MIGRATOR: Migrator = Migrator { ignore_missing: true, ..sqlx::migrate!() };
