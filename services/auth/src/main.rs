//! The auth service: accounts, log-ins and the sessions they begin, and the tokens that say who calls.

mod account;
mod clients;
mod error;
mod hasher;
mod keys;
mod mail;
mod one_time;
mod responses;
mod routes;
mod serve;
mod session;
mod state;
mod store;
mod throttle;
mod tokens;

use std::{borrow::Cow, process::ExitCode};

use clap::Parser;
use tracklore_platform::admin::{self, RepublishCommand};
use sqlx::migrate::Migrator;
use tracklore_platform::{args::MigrateArgs, cli, database, telemetry};

/// The name in events.
const SERVICE: &str = "auth";

static MIGRATOR: Migrator =
    Migrator { table_name: Cow::Borrowed("_sqlx_migrations"), ignore_missing: true, ..sqlx::migrate!() };

/// Tracklore's accounts, sessions and tokens.
///
/// Every setting is also an environment variable; `config` lists them all.
#[derive(Parser)]
#[command(name = "tracklore-auth", version)]
enum Cli {
    /// Serves the API until SIGTERM. Needs Postgres; events wait in the database while Kafka is away.
    Serve(Box<serve::ServeArgs>),
    /// Brings the database's schema up to date; run it before a new version serves.
    Migrate(MigrateArgs),
    /// Prints the OpenAPI document of the public API.
    Openapi,
    /// Prints the reference of all settings as a Markdown table.
    Config,
    /// Sends published events again, for a Kafka that has lost them.
    Republish(Box<RepublishCommand>),
}

#[tokio::main]
async fn main() -> ExitCode {
    match cli::parse::<Cli>() {
        Cli::Serve(args) => {
            telemetry::start_logging(&args.server.log, args.server.log_format);
            cli::exit(serve::serve(&args).await)
        }
        Cli::Migrate(args) => {
            telemetry::start_logging(&args.log, args.log_format);
            cli::exit(database::migrate(&args.migration_database_url, &MIGRATOR).await)
        }
        Cli::Openapi => cli::exit(print_document()),
        Cli::Config => {
            print!("{}", cli::reference::<Cli>());
            ExitCode::SUCCESS
        }
        Cli::Republish(args) => cli::exit(admin::republish(&args).await),
    }
}

fn print_document() -> Result<(), serde_json::Error> {
    println!("{}", routes::document().to_pretty_json()?);
    Ok(())
}
