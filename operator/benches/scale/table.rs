//! The table that is printed, as Markdown: a column for each number of stacks.

use std::time::Duration;

use crate::round::Round;

/// Whether a figure is as it should be, given the first round too.
type IsWell = fn(&Round, &Round) -> bool;

/// Prints it.
pub fn print(rounds: &[Round]) {
    let table = Table(rounds);
    let sizes: Vec<_> = rounds.iter().map(|round| format!(" {} |", round.size)).collect();
    println!("| stacks |{} wanted |\n|---|{}---|", sizes.concat(), "--:|".repeat(sizes.len()));

    table.row("all of them ready after", |round| time(round.made.took));
    table.judged(
        "processor time, each",
        |round| each(round, round.made.cpu),
        "≤ 30 ms",
        |round, _| round.made.cpu <= Duration::from_millis(30) * u32::try_from(round.size).unwrap(),
    );
    table.row("…of a bare client that does nothing but its writes", |round| each(round, round.bare.cpu));
    table.judged(
        "requests, each",
        |round| per_stack(round, round.made.requests.all()),
        "≤ those of the first column + 10 %",
        |round, first| requests_each(round) <= 1.1 * requests_each(first),
    );
    table.row("…of them writes", |round| per_stack(round, round.made.requests.writes()));
    table.row("writes a second", |round| format!("{:.0}", rate(round)));
    table.judged(
        "…of a bare client's",
        |round| format!("**{:.0} %** of {:.0}", share(round), round.bare.rate),
        "≥ 70 %",
        |round, _| share(round) >= 70.0,
    );
    table.row("memory when all are ready", |round| mib(round.made.resident));
    table.judged(
        "…and the most until then",
        |round| mib(round.made.peak),
        "< 64 MiB",
        |round, _| is_small(round.made.peak),
    );
    table.judged(
        "writes in an idle minute",
        |round| round.idle.requests.writes().to_string(),
        "0",
        |round, _| round.idle.requests.writes() == 0,
    );
    table.judged(
        "LISTs in an idle minute",
        |round| round.idle.requests.of("list").to_string(),
        "0",
        |round, _| round.idle.requests.of("list") == 0,
    );
    table.row("processor time in an idle minute", |round| time(round.idle.cpu));
    table.row("a change of one: ready after", |round| time(round.changed.took));
    table.row("…requests", |round| round.changed.requests.all().to_string());
    table.row("…processor time", |round| time(round.changed.cpu));
    table.row("another operator has seen to all after", |round| time(round.again.silent));
    table.row("…processor time, each", |round| each(round, round.again.cpu));
    table.row("…requests, each", |round| per_stack(round, round.again.requests.all()));
    table.judged(
        "…most memory",
        |round| mib(round.again.peak),
        "< 64 MiB",
        |round, _| is_small(round.again.peak),
    );
}

struct Table<'a>(&'a [Round]);

impl Table<'_> {
    fn row(&self, what: &str, figure: fn(&Round) -> String) {
        self.line(what, figure, "");
    }

    fn judged(&self, what: &str, figure: fn(&Round) -> String, wanted: &str, is_well: IsWell) {
        let well = self.0.iter().all(|round| is_well(round, &self.0[0]));
        self.line(what, figure, &format!("{wanted} {}", if well { "✔" } else { "✘" }));
    }

    fn line(&self, what: &str, figure: fn(&Round) -> String, wanted: &str) {
        let figures: Vec<_> = self.0.iter().map(|round| format!(" {} |", figure(round))).collect();
        println!("| {what} |{} {wanted} |", figures.concat());
    }
}

fn requests_each(round: &Round) -> f64 {
    round.made.requests.all() as f64 / round.size as f64
}

fn rate(round: &Round) -> f64 {
    round.made.requests.writes() as f64 / round.made.took.as_secs_f64()
}

fn share(round: &Round) -> f64 {
    100.0 * rate(round) / round.bare.rate
}

fn per_stack(round: &Round, requests: usize) -> String {
    format!("{:.1}", requests as f64 / round.size as f64)
}

fn each(round: &Round, time: Duration) -> String {
    format!("{:.1} ms", 1000.0 * time.as_secs_f64() / round.size as f64)
}

fn time(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

fn is_small(kib: u64) -> bool {
    kib < 64 * 1024
}
