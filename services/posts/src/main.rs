//! The posts service.

use std::process::ExitCode;

use tracklore_platform::{args::MigrateArgs, cli, database, telemetry};
use tracklore_posts::{
    routes,
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
    /// Prints the `OpenAPI` document.
    Openapi,
    /// Prints the reference of all settings as Markdown.
    Config,
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
            cli::exit(database::migrate(&args.migration_database_url, &store::MIGRATOR).await)
        }
        Cli::Openapi => {
            let (_, document) = routes::router();
            cli::exit(document.to_pretty_json().map(|json| println!("{json}")))
        }
        Cli::Config => {
            print!("{}", cli::reference::<Cli>());
            ExitCode::SUCCESS
        }
    }
}
