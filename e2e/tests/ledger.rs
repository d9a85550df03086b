//! `make ledger`: see [`tracklore_e2e::ledger`]. A program of its own, because it prints a table and plays for as long as it is told.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    if tracklore_e2e::ledger::play().await { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
