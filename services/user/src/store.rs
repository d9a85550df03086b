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

use tracklore_platform::schema::Schema;

/// The name of this service in its events.
const SOURCE: &str = "user";

/// The schema through its versions.
pub static SCHEMA: Schema = tracklore_platform::schema!();
