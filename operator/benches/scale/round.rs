//! One number of stacks: they are made, left alone for a minute, one of them is changed, and the operator is started again.

use std::time::{Duration, Instant};

use kube::Client;
use serde_json::json;
use tracklore_e2e::apiserver::Server;
use tracklore_testkit::load;

use crate::{
    bare::{self, Bare},
    operator::Operator,
    requests::{Counts, Requests},
    stacks::{self, Place},
};

const IDLE: Duration = Duration::from_mins(1);

/// What was measured.
pub struct Round {
    /// Stacks.
    pub size: usize,
    /// A client that only writes.
    pub bare: Bare,
    /// All stacks are made.
    pub made: Phase,
    /// The minute.
    pub idle: Phase,
    /// One of them is changed.
    pub changed: Phase,
    /// Another operator starts.
    pub again: Phase,
}

/// What a part of it took.
#[derive(Debug)]
pub struct Phase {
    /// Until what was waited for.
    pub took: Duration,
    /// Until the last request.
    pub silent: Duration,
    /// Processor time of the operator.
    pub cpu: Duration,
    /// What it holds at the end, in KiB.
    pub resident: u64,
    /// The most that it held, in KiB.
    pub peak: u64,
    /// What it asked for.
    pub requests: Counts,
}

/// Plays it.
pub async fn play(size: usize) -> Round {
    let bare = bare::play(size).await;
    eprintln!("  a bare client makes {:.0} writes a second, in {:?} of processor time", bare.rate, bare.cpu);
    let server = Server::start();
    let client = server.admin().await;
    let places = stacks::places(&client, size).await;
    let operator = Operator::start(&server);
    let mut meter = Meter { requests: Requests::of(&server), process: operator.id() };
    meter.requests.until_silence().await;

    let all = async { drop(tokio::join!(stacks::ask(&client, &places), stacks::settled(&client, size))) };
    let made = meter.measure(all).await;
    let idle = meter.measure(tokio::time::sleep(IDLE)).await;
    let changed = meter.measure(Box::pin(change(&client, &places[size / 2]))).await;
    operator.stop();
    let operator = Operator::start(&server);
    meter.process = operator.id();
    let again = meter.measure(std::future::ready(())).await;
    Round { size, bare, made, idle, changed, again }
}

async fn change(client: &Client, place: &Place) {
    let mut spec = stacks::spec();
    spec["auth"]["accessTokenTtl"] = json!("7m");
    stacks::apply(client, place, spec).await;
    stacks::settled_at(client, place).await;
}

/// Measures an operator.
struct Meter {
    requests: Requests,
    process: u32,
}

impl Meter {
    /// From now until something, and until it asks for nothing more.
    async fn measure(&mut self, until: impl Future<Output = ()>) -> Phase {
        let (began, before) = (Instant::now(), load::cpu_time(self.process));
        load::forget_peak(self.process);
        until.await;
        let took = began.elapsed();
        let (requests, last) = self.requests.until_silence().await;
        let phase = Phase {
            took,
            silent: last - began,
            cpu: load::cpu_time(self.process).saturating_sub(before),
            resident: load::resident(self.process),
            peak: load::peak(self.process),
            requests,
        };
        eprintln!("  {phase:?}");
        phase
    }
}
