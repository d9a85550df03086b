//! The feed service's program.

use std::process::ExitCode;

use clap::Parser;
use tracklore_feed::{
    metrics,
    rebuild::{self, RebuildArgs},
    redrive::{self, DlqCommand},
    routes,
    serve::{ServeArgs, serve},
};
use tracklore_platform::{cli, telemetry};

/// Serves lists of activities, kept in Redis from events.
#[derive(Parser)]
#[command(name = "tracklore-feed", version)]
enum Cli {
    /// Serves the API and consumes events, until SIGTERM.
    Serve(Box<ServeArgs>),
    /// Makes the read model anew beside the one that is read, and puts it in its place.
    Rebuild(Box<RebuildArgs>),
    /// Prints the OpenAPI document.
    Openapi,
    /// Prints all settings as a Markdown table.
    Config,
    /// Prints the reference of all metrics as rows of a Markdown table.
    Metrics,
    /// Lists, shows, redrives or discards events that this service couldn't process.
    Dlq(Box<DlqCommand>),
}

#[tokio::main]
async fn main() -> ExitCode {
    match cli::parse::<Cli>() {
        Cli::Serve(args) => {
            telemetry::start_logging(&args.server.log, args.server.log_format);
            cli::exit(serve(&args).await)
        }
        Cli::Rebuild(args) => {
            telemetry::start_logging(&args.log, args.log_format);
            cli::exit(rebuild::run(&args.model).await.map(|base| println!("{base}")))
        }
        Cli::Openapi => print(routes::document().to_pretty_json()),
        Cli::Config => {
            print!("{}", cli::reference::<Cli>());
            ExitCode::SUCCESS
        }
        Cli::Metrics => {
            print!("{}", tracklore_platform::metrics::reference(metrics::ALL));
            ExitCode::SUCCESS
        }
        Cli::Dlq(command) => cli::exit(redrive::run(&command).await),
    }
}

fn print(document: Result<String, serde_json::Error>) -> ExitCode {
    cli::exit(document.map(|text| println!("{text}")))
}
