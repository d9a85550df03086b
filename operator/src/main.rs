//! The `tracklore-operator` program.

use std::process::ExitCode;

use clap::Parser;
use tracklore_operator::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tracklore-operator: {error:#}");
            ExitCode::FAILURE
        }
    }
}
