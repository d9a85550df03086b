//! `make ledger`: see [`tracklore_e2e::ledger`]. Some faults at a time with the other end-to-end tests, all in a campaign.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    if tracklore_e2e::ledger::play().await { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
