//! The user service: profiles of the accounts that auth owns, who follows whom, goals, badges and settings.

mod actor;
mod args;
mod auth;
mod directory;
mod domain;
mod error;
mod events;
mod metrics;
mod openapi;
mod relations;
mod republish;
mod routes;
mod serve;
mod state;
mod store;

use std::process::ExitCode;

use clap::Parser;
use tracklore_platform::admin::{DlqCommand, ReplayCommand};
use tracklore_platform::{
    args::{MigrateArgs, OpenapiArgs},
    cli, telemetry,
};

use crate::{args::ServeArgs, republish::RepublishArgs, serve::ServiceError};

/// Profiles, follows, goals and badges of the people on a Tracklore stack.
#[derive(Debug, Parser)]
#[command(name = "tracklore-user", version, about)]
enum Cli {
    /// Serves the APIs, takes in account events and publishes profile events.
    Serve(Box<ServeArgs>),
    /// Brings the database's schema up to date and ends.
    Migrate(MigrateArgs),
    /// Publishes the present state of everything in `profile-events` once more, and ends.
    Republish(RepublishArgs),
    /// Prints the OpenAPI document.
    Openapi(OpenapiArgs),
    /// Prints the reference of all settings as Markdown.
    Config,
    /// Prints the reference of all metrics as rows of a Markdown table.
    Metrics,
    /// Lists, shows, redrives or discards events that this service couldn't process.
    Dlq(Box<DlqCommand>),
    /// Applies events again from the beginning or a time, while the service goes on.
    Replay(Box<ReplayCommand>),
}

#[tokio::main]
async fn main() -> ExitCode {
    match cli::parse::<Cli>() {
        Cli::Serve(args) => {
            telemetry::start_logging(&args.server.log, args.server.log_format);
            cli::exit(serve::run(&args).await)
        }
        Cli::Migrate(args) => {
            telemetry::start_logging(&args.log, args.log_format);
            let migrated = store::SCHEMA.migrate(&args).await;
            cli::exit(migrated.map_err(ServiceError::from))
        }
        Cli::Republish(args) => {
            telemetry::start_logging(&args.log, args.log_format);
            cli::exit(
                republish::run(&args).await.map(|events| println!("{events} events written to the outbox")),
            )
        }
        Cli::Openapi(OpenapiArgs { internal }) => {
            let document = if internal { openapi::internal() } else { openapi::document() };
            cli::exit(document.to_pretty_json().map(|json| println!("{json}")))
        }
        Cli::Config => {
            print!("{}", cli::reference::<Cli>());
            ExitCode::SUCCESS
        }
        Cli::Metrics => {
            print!("{}", tracklore_platform::metrics::reference(metrics::ALL));
            ExitCode::SUCCESS
        }
        Cli::Dlq(args) => cli::exit(events::consumed().dlq(&args).await),
        Cli::Replay(args) => cli::exit(events::consumed().replay(&args).await),
    }
}
