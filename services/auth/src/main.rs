//! The auth service: accounts, log-ins and the sessions they begin, and the tokens that say who calls.

mod account;
mod administration;
mod clients;
mod commands;
mod error;
mod first_admin;
mod hasher;
mod import;
mod keys;
mod mail;
mod metrics;
mod one_time;
mod reload;
mod republish;
mod responses;
mod routes;
mod serve;
mod session;
mod state;
mod store;
mod throttle;
mod tokens;

use std::process::ExitCode;

use clap::Parser;
use tracklore_platform::{
    args::{MigrateArgs, OpenapiArgs},
    cli,
    schema::Schema,
    telemetry,
};

/// The name in events.
const SERVICE: &str = "auth";

/// The schema through its versions.
static SCHEMA: Schema = tracklore_platform::schema!();

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
    /// Grants a scope to an account.
    Grant(commands::GrantArgs),
    /// Takes a scope from an account, and ends its sessions.
    Revoke(commands::GrantArgs),
    /// Suspends an account: its sessions end, and it can't be used.
    Suspend(commands::AccountArgs),
    /// Lets a suspended account be used again.
    Resume(commands::AccountArgs),
    /// Takes over accounts of another program from JSON lines.
    Import(import::ImportArgs),
    /// Prints a new secret for a service: a file of `TRACKLORE_CLIENTS_DIR`, whose name is the client id.
    Client,
    /// Prints a new key to sign tokens with: a file `<time>.pem` of `TRACKLORE_SIGNING_KEYS_DIR`.
    Keys,
    /// Prints the OpenAPI document.
    Openapi(OpenapiArgs),
    /// Prints the reference of all settings as a Markdown table.
    Config,
    /// Publishes the present state of all accounts in `user-events` once more, and the ends of sessions of the last hour.
    Republish(republish::RepublishArgs),
    /// Prints the reference of all metrics as rows of a Markdown table.
    Metrics,
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
            cli::exit(SCHEMA.migrate(&args).await)
        }
        Cli::Grant(args) => cli::exit(commands::grant(&args).await),
        Cli::Revoke(args) => cli::exit(commands::revoke(&args).await),
        Cli::Suspend(args) => cli::exit(commands::suspend(&args).await),
        Cli::Resume(args) => cli::exit(commands::resume(&args).await),
        Cli::Import(args) => cli::exit(import::import(&args).await),
        Cli::Client => {
            println!("{}", commands::new_secret());
            ExitCode::SUCCESS
        }
        Cli::Keys => cli::exit(commands::print_key()),
        Cli::Openapi(args) => cli::exit(print_document(args)),
        Cli::Config => {
            print!("{}", cli::reference::<Cli>());
            ExitCode::SUCCESS
        }
        Cli::Republish(args) => cli::exit(republish::run(&args).await),
        Cli::Metrics => {
            print!("{}", tracklore_platform::metrics::reference(metrics::ALL));
            ExitCode::SUCCESS
        }
    }
}

fn print_document(args: OpenapiArgs) -> Result<(), serde_json::Error> {
    let document = if args.internal { routes::internal::document() } else { routes::document() };
    println!("{}", document.to_pretty_json()?);
    Ok(())
}
