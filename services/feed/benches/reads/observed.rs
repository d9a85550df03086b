//! What metrics and traces cost a read: the same routes in two processes, of which one records metrics and sends one trace of a
//! hundred to a collector, and the other records nothing. Their instructions are counted, which no noise of the machine changes.

use clap::Parser;
use tracklore_feed::{lists::List, metrics, redis::Redis};
use tracklore_platform::{args::ServerArgs, server::Background, telemetry};
use tracklore_testkit::{Collector, Counted, http};

/// Its being set makes a process a server: `yes` of one that is observed.
pub const SERVER: &str = "BENCH_OBSERVED";
const COLLECTOR: &str = "BENCH_COLLECTOR";
/// Reads in a short and in a long run: what both have in common, such as the start, falls out.
const READS: [u32; 2] = [500, 3500];

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    server: ServerArgs,
}

/// Instructions of a read.
async fn cost(observed: bool, collector: &str) -> f64 {
    let mut spent = [0.0; 2];
    for (reads, spent) in READS.into_iter().zip(&mut spent) {
        let server = Counted::start(&[(SERVER, if observed { "yes" } else { "no" }), (COLLECTOR, collector)]);
        let client = http();
        for _ in 0..reads {
            let answer = client.get(server.url()).send().await.unwrap().error_for_status().unwrap();
            answer.bytes().await.unwrap();
        }
        *spent = f64_of(server.end());
    }
    (spent[1] - spent[0]) / f64::from(READS[1] - READS[0])
}

#[expect(clippy::cast_precision_loss, reason = "a part in 2^52 is nothing to a benchmark")]
fn f64_of(count: u64) -> f64 {
    count as f64
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
    if !Counted::is_possible() {
        println!("GET global observed: not counted, since valgrind isn't installed");
        return;
    }
    let collector = Collector::start().await;
    let [bare, observed] = [cost(false, collector.endpoint()).await, cost(true, collector.endpoint()).await];
    println!(
        "GET global observed (metrics, 1 % of traces): {observed:.0} instructions, {bare:.0} of them without: {:+.1} %, wanted ≤ 3 %",
        100.0 * (observed / bare - 1.0)
    );
}
