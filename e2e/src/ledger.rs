//! `make ledger`: a stack on the cluster, people who write and read all the time, one fault after the other, and after each
//! the comparison of what was acknowledged with what Postgres, Kafka, Redis and the streams have.

mod choice;
mod cluster;
mod evidence;
mod fault;
mod report;

use std::time::Duration;

use kube::Client;
use tokio::time::Instant;
use tracklore_testkit::ledger::{
    Door, Plan, Run,
    table::{ENOUGH, Row, by_fault, markdown},
};

use crate::{Person, TestStack};
use cluster::Cluster;
use fault::Fault;

/// Who write. Each may make 50 requests a second.
const WRITERS: usize = 8;
const PLAN: Plan = Plan { pause: Duration::from_millis(20), updates: 3, deletes: 1 };
/// Acknowledged before a fault comes, and after it has passed.
const AROUND: usize = 250;
/// How long everything may take to arrive after the last write.
const PATIENCE: Duration = Duration::from_mins(3);

/// Plays the chosen faults as often as asked, prints the table, and says whether every row is good.
pub async fn play() -> bool {
    let chosen = choice::chosen();
    println!("faults: {}", chosen.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(" "));
    let client = Client::try_default().await.expect("a cluster");
    let mut rows = Vec::new();
    for _ in 0..choice::rounds() {
        rows = by_fault(rows.into_iter().chain(round(&client, &chosen).await));
        println!("{}", markdown(&rows));
        report::write(&rows);
    }
    rows.iter().all(Row::is_good)
}

/// Plays each fault once against a new stack: what was written before is compared after every fault, so a stack that has seen
/// many makes them slow. One that came to harm stays for whoever looks why.
async fn round(client: &Client, faults: &[Fault]) -> Vec<Row> {
    let stack = TestStack::start(client, "ledger").await;
    let cluster = Cluster::new(client.clone(), stack.clone());
    let url = stack.url(client).await;
    let mut logins = Vec::new();
    for number in 0..WRITERS {
        logins.push(Person::sign_up(&url, &format!("writer{number}")).await.login());
    }
    let mut run = Run::open(&[Door::gateway(&url)], logins).await;
    let mut rows = Vec::new();
    for fault in faults {
        let row = row(&cluster, &mut run, *fault).await;
        println!("{}{}", markdown(std::slice::from_ref(&row)), row.harm.examples());
        rows.push(row);
        run.turn_page().await;
    }
    if rows.iter().all(Row::is_good) {
        drop((cluster, run));
        stack.discard(client).await;
    }
    rows
}

async fn row(cluster: &Cluster, run: &mut Run, fault: Fault) -> Row {
    println!("{}", fault.title());
    fault.rest(cluster).await;
    let began = Instant::now();
    let before = run.ledger().acknowledged();
    let (in_flight, observed) = run
        .meanwhile(PLAN, async |ledger| {
            let prepared = fault.prepare(cluster).await;
            Run::acknowledged(ledger, before, AROUND).await;
            let in_flight = Run::in_the_middle(ledger).await;
            let struck = match prepared {
                Ok(prepared) => prepared.strike(cluster).await,
                Err(error) => Err(error),
            };
            let observed = struck.unwrap_or_else(|error| {
                println!("  {error}");
                false
            });
            let after = ledger.acknowledged() - before;
            let missing = ENOUGH.saturating_sub(after).max(AROUND);
            Run::acknowledged(ledger, before + after, missing).await;
            (in_flight, observed)
        })
        .await;
    let (writes_away, reads_away) = (run.ledger().writes.longest(), run.ledger().reads.longest());
    let mut harm = run.settle(PATIENCE, async || evidence::found(cluster).await).await;
    let acknowledged = run.ledger().acknowledged() - before;
    harm.resent = harm.resent.saturating_sub(cluster.known_resent(harm.resent));
    println!("  {acknowledged} writes in {:.0} s", began.elapsed().as_secs_f64());
    if let Some((middle, most)) = run.visible_after() {
        println!("  from acknowledged to told by a stream: median {middle:.1?}, 99 % {most:.1?}");
    }
    Row { writes_away, reads_away, ..Row::once(fault.title(), acknowledged, in_flight, observed, harm) }
}
