//! What metrics and traces cost a read: the same routes in two processes, of which one records metrics and sends one trace of a
//! hundred to a collector, and the other records nothing. They are asked in turns, and what each answer costs is told by the
//! processor time of its process.

use std::time::Duration;

use clap::Parser;
use tracklore_feed::{lists::List, metrics, redis::Redis};
use tracklore_platform::{args::ServerArgs, server::Background, telemetry};
use tracklore_testkit::{
    Again, Collector,
    load::{self, Rounds},
};

/// Its being set makes a process a server: `yes` of one that is observed.
pub const SERVER: &str = "BENCH_OBSERVED";
const COLLECTOR: &str = "BENCH_COLLECTOR";
const PAIRS: usize = 15;
const ROUND: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 8;

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    server: ServerArgs,
}

fn start(observed: bool, collector: &str) -> Again {
    Again::start(&[(SERVER, if observed { "yes" } else { "no" }), (COLLECTOR, collector)])
}

/// Processor time of an answer, in microseconds.
async fn cost(server: &Again) -> f64 {
    let mut round = Rounds::default();
    round.add(server.process_id(), load::run(server.url(), CONNECTIONS, ROUND, |_| load::get("/", ""))).await;
    round.each()
}

/// Serves until the process is ended; says its address first.
pub async fn serve(observed: bool, redis: &Redis) {
    let background = Background::default();
    if observed {
        let collector = std::env::var(COLLECTOR).unwrap();
        let words = ["bench", "--public-url", "http://localhost", "--otlp-endpoint", &collector];
        let settings = Settings::parse_from(words).server;
        telemetry::start(&settings, "feed", metrics::ALL, &background).unwrap();
    }
    println!("{}", super::serve(super::wrapped(redis, List::Global)).await);
    std::future::pending::<()>().await;
}

/// Compares the two, over what is in Redis.
pub async fn compare() {
    let collector = Collector::start().await;
    let [bare, observed] = [false, true].map(|observed| start(observed, collector.endpoint()));
    let mut costs = Vec::new();
    for pair in 0..PAIRS {
        // Each goes first as often as the other.
        costs.push(if pair % 2 == 0 {
            let bare = cost(&bare).await;
            (bare, cost(&observed).await)
        } else {
            let observed = cost(&observed).await;
            (cost(&bare).await, observed)
        });
    }
    let mut more: Vec<_> = costs.iter().map(|(bare, observed)| 100.0 * (observed / bare - 1.0)).collect();
    more.sort_unstable_by(f64::total_cmp);
    let of = |which: fn(&(f64, f64)) -> f64| costs.iter().map(which).fold(f64::INFINITY, f64::min);
    println!(
        "GET global observed (metrics, 1 % of traces): {:+.1} % of processor time at the median of {PAIRS} pairs \
         ({:+.1} to {:+.1} %), wanted ≤ 3 %; cheapest round {:.1} µs, of {:.1} µs unobserved",
        more[PAIRS / 2],
        more[PAIRS / 4],
        more[PAIRS * 3 / 4],
        of(|costs| costs.1),
        of(|costs| costs.0),
    );
}
