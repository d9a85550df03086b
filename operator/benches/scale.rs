//! What many stacks cost: an operator in a process of its own, at an API server without nodes, and stacks whose pods are only said
//! to run. Prints the table of `docs/scale.md`.
//!
//! `STACKS` says how many there are in each row.
#![expect(clippy::unwrap_used, reason = "benchmarks fail loudly")]

#[path = "../tests/apiserver/kubelet.rs"]
mod kubelet;
#[path = "../tests/apiserver/server.rs"]
#[expect(dead_code, reason = "tests ask it for more")]
mod server;
#[path = "../tests/apiserver/spaces.rs"]
#[expect(dead_code, reason = "tests ask it for more")]
mod spaces;

use std::{
    collections::BTreeMap,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::DeleteParams};
use tracklore_operator::api::v1alpha1::TrackloreStack;
use tracklore_testkit::eventually_within;

use crate::{
    server,
    spaces::{Space, holds, spec},
};

const PATIENCE: Duration = Duration::from_mins(30);
/// How long the stacks are left alone.
const IDLE: Duration = Duration::from_mins(1);
/// How many stacks are asked for at a time.
const BESIDE: usize = 8;

/// The operator that is measured; killed when dropped.
struct Measured {
    process: Child,
    metrics: String,
}

/// What an operator has used so far.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    cpu: Duration,
    requests: usize,
    writes: usize,
    lists: usize,
}

impl Measured {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(env!("CARGO_BIN_EXE_tracklore-operator"))
            .arg("run")
            .env("KUBECONFIG", server::server().kubeconfig("operator"))
            .env("TRACKLORE_OPERATOR_LISTEN", format!("127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, metrics: format!("http://127.0.0.1:{port}/metrics") }
    }

    async fn used(&self) -> Used {
        let text = reqwest::get(&self.metrics).await.unwrap().text().await.unwrap();
        let mut requests: BTreeMap<&str, usize> = BTreeMap::new();
        for line in text
            .lines()
            .filter(|line| line.starts_with("tracklore_operator_api_request_duration_seconds_count{"))
        {
            let verb = line.split("verb=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            let count: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let count = count as usize;
            *requests.entry(verb).or_default() += count;
        }
        let of = |verbs: &[&str]| verbs.iter().filter_map(|verb| requests.get(verb)).sum();
        Used {
            cpu: self.cpu(),
            requests: requests.values().sum(),
            writes: of(&["create", "update", "patch", "delete"]),
            lists: of(&["list"]),
        }
    }

    /// Processor time, in hundredths of a second as Linux tells it.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks: u64 = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// The most memory that it ever had, in MiB.
    fn peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl std::ops::Sub for Used {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu: self.cpu - before.cpu,
            requests: self.requests - before.requests,
            writes: self.writes - before.writes,
            lists: self.lists - before.lists,
        }
    }
}

#[tokio::main]
async fn main() {
    let sizes = std::env::var("STACKS").unwrap_or_else(|_| "1 100 500".to_owned());
    let mut rows = Vec::new();
    for size in sizes.split_whitespace().map(|size| size.parse().unwrap()) {
        rows.push(row(size).await);
    }
    println!(
        "| stacks | all ready after | CPU a stack | requests a stack | writes | lists | idle: requests a minute | CPU | started again: requests a stack | CPU a stack | memory at most |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    rows.iter().for_each(|row| println!("{row}"));
}

async fn row(size: usize) -> String {
    let client = server::admin().await;
    let mut operator = Measured::start();
    eventually_within(PATIENCE, "the operator listens", async || reqwest::get(&operator.metrics).await.ok())
        .await;
    let began = Instant::now();
    let make = stream::iter(0..size).map(async |_| {
        let space = Space::new("scale").await;
        space.apply(&spec()).await;
        space.name
    });
    let names: Vec<_> = make.buffer_unordered(BESIDE).collect().await;
    let all: Api<TrackloreStack> = Api::all(client.clone());
    let ready = async || {
        let stacks = all.list(&<_>::default()).await.ok()?.items;
        let ready = stacks
            .iter()
            .filter(|stack| holds(stack, "Ready", "True") && holds(stack, "Progressing", "False"));
        (ready.count() >= size).then_some(())
    };
    eventually_within(PATIENCE, "all are ready", ready).await;
    let took = began.elapsed();
    let made = operator.used().await;
    // What the last pods told is taken in.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let before = operator.used().await;
    tokio::time::sleep(IDLE).await;
    let idle = operator.used().await - before;
    let peak = operator.peak();

    drop(operator);
    operator = Measured::start();
    eventually_within(PATIENCE, "the operator listens", async || reqwest::get(&operator.metrics).await.ok())
        .await;
    let mut seen = 0;
    eventually_within(PATIENCE, "an operator that starts has seen all", async || {
        let before = std::mem::replace(&mut seen, operator.used().await.requests);
        tokio::time::sleep(Duration::from_secs(5)).await;
        (seen > 0 && before == seen).then_some(())
    })
    .await;
    let again = operator.used().await;
    let peak = peak.max(operator.peak());
    for name in names {
        Api::<Namespace>::all(client.clone()).delete(&name, &DeleteParams::default()).await.unwrap();
    }
    eventually_within(PATIENCE, "all are gone", async || {
        all.list(&<_>::default()).await.ok()?.items.is_empty().then_some(())
    })
    .await;

    let each = |number: usize| number / size;
    let cpu = |used: Used| used.cpu.as_millis() / u128::try_from(size).unwrap();
    format!(
        "| {size} | {:.0} s | {} ms | {} | {} | {} | {} | {} ms | {} | {} ms | {peak} MiB |",
        took.as_secs_f64(),
        cpu(made),
        each(made.requests),
        each(made.writes),
        each(made.lists),
        idle.requests,
        idle.cpu.as_millis(),
        each(again.requests),
        cpu(again),
    )
}
