//! What identity costs: `make bench`. Each figure stands beside the least that it could cost, measured in the same run.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a program for people, which fails loudly")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod apart;
mod arrival;
mod bare;
mod log_in;
mod questions;
mod table;

use std::time::Duration;

use tracklore_testkit::{
    Stack,
    load::{self, Report},
};

/// How long each load lasts. Rounds of each kind alternate, so that a busy moment meets all of them.
const ROUND: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;
/// Connections of a usual load.
const CONNECTIONS: usize = 8;
const PEOPLE: usize = 20;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match std::env::var(bare::DATABASE) {
        Ok(database) => runtime.block_on(bare::serve(&database)),
        Err(_) => runtime.block_on(measure()),
    }
}

async fn measure() {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_PASSWORD_THREADS", &apart::half_of_processors().to_string());
    stack.start("auth").await;
    stack.unset("TRACKLORE_PASSWORD_THREADS");
    stack.start("user").await;
    let idle = ["auth", "user"].map(|name| (name, load::resident(stack.process_id(name).unwrap())));
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(stack.sign_up(&format!("person-{number}")).await);
    }
    table::head();
    log_in::measure(&stack, &people).await;
    // the token of the questions was checked by the first of them
    questions::measure(&stack, &people[0]).await;
    arrival::measure(&stack).await;
    for (name, resident) in idle {
        table::memory(&format!("memory of {name} that has just started"), resident, "", 25);
    }
}

/// Answers of a status each second, of all rounds.
fn rate(reports: &[Report], status: u16) -> f64 {
    reports.iter().map(|report| report.rate(status)).sum::<f64>() / reports.len() as f64
}
