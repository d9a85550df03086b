//! The posts service.

use std::process::ExitCode;

use tracklore_platform::{
    admin::{self, DlqCommand, ReplayCommand, RepublishCommand},
    args::{MigrateArgs, OpenapiArgs},
    cli, telemetry,
};
use tracklore_posts::{
    events, metrics, routes,
    serve::{ServeArgs, serve},
    store,
};

/// Posts of Tracklore.
#[derive(clap::Parser)]
#[command(name = "tracklore-posts", version)]
enum Cli {
    /// Serves the API.
    Serve(Box<ServeArgs>),
    /// Brings the database's schema up to date.
    Migrate(MigrateArgs),
    /// Lists, shows, redrives or discards events that this service couldn't process.
    Dlq(Box<DlqCommand>),
    /// Applies events again from the beginning or a time, while the service goes on.
    Replay(Box<ReplayCommand>),
    /// Sends published events again, for a Kafka that has lost them.
    Republish(Box<RepublishCommand>),
    /// Prints the `OpenAPI` document.
    Openapi(OpenapiArgs),
    /// Prints the reference of all settings as Markdown.
    Config,
    /// Prints the reference of all metrics as rows of a Markdown table.
    Metrics,
}

#[tokio::main]
async fn main() -> ExitCode {
    match cli::parse::<Cli>() {
        Cli::Serve(args) => {
            telemetry::start_logging(&args.server.log, args.server.log_format);
            cli::exit(serve(&args).await)
        }
        Cli::Migrate(args) => {
            telemetry::start_logging(&args.log, args.log_format);
            cli::exit(store::SCHEMA.migrate(&args).await)
        }
        Cli::Dlq(args) => cli::exit(events::consumed().dlq(&args).await),
        Cli::Replay(args) => cli::exit(events::consumed().replay(&args).await),
        Cli::Republish(args) => cli::exit(admin::republish(&args).await),
        Cli::Openapi(OpenapiArgs { internal }) => {
            let (_, document) = if internal { routes::internal() } else { routes::router() };
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
    }
}
