//! What the operator asked of the API server, by the server's own log. Its Lease, which it renews for ever, is left out.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    time::{Duration, Instant},
};

use serde_json::Value;
use tracklore_e2e::apiserver::Server;

const WRITES: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
/// Without a request for so long, nothing more comes.
const SILENCE: Duration = Duration::from_secs(5);
/// How often the log is read.
const BETWEEN: Duration = Duration::from_millis(100);

/// The log, from where it was read last.
pub struct Requests {
    log: BufReader<File>,
    /// The line that wasn't whole then.
    line: String,
}

/// How many there were, by verb.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<String, usize>);

impl Requests {
    /// From the log's beginning.
    pub fn of(server: &Server) -> Self {
        Self { log: BufReader::new(File::open(server.audit_log()).unwrap()), line: String::new() }
    }

    /// Those since the last time.
    pub fn since(&mut self) -> Counts {
        let Self { log, line } = self;
        let mut counts = BTreeMap::new();
        while log.read_line(line).unwrap() > 0 && line.ends_with('\n') {
            let request: Value = serde_json::from_str(line).unwrap();
            line.clear();
            if request["stage"] == "ResponseComplete" && request["objectRef"]["resource"] != "leases" {
                *counts.entry(request["verb"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        Counts(counts)
    }

    /// Those until nothing more comes, and when the last one was seen.
    pub async fn until_silence(&mut self) -> (Counts, Instant) {
        let (mut all, mut last) = (Counts::default(), Instant::now());
        while last.elapsed() < SILENCE {
            tokio::time::sleep(BETWEEN).await;
            let more = self.since();
            if more.all() > 0 {
                last = Instant::now();
            }
            for (verb, number) in more.0 {
                *all.0.entry(verb).or_default() += number;
            }
        }
        (all, last)
    }
}

impl Counts {
    /// All of them.
    pub fn all(&self) -> usize {
        self.0.values().sum()
    }

    /// Those that change something.
    pub fn writes(&self) -> usize {
        WRITES.iter().map(|verb| self.of(verb)).sum()
    }

    /// Those of a verb.
    pub fn of(&self, verb: &str) -> usize {
        self.0.get(verb).copied().unwrap_or_default()
    }
}
