//! The lines that the benchmark prints: a Markdown table, which `make bench` keeps in docs/benchmarks.md.

use std::time::Duration;

/// The table's head.
pub fn head() {
    println!("| | figure | beside it | wanted |\n|---|---|---|---|");
}

/// A figure for itself.
pub fn figure(what: &str, figure: &str) {
    println!("| {what} | {figure} | | |");
}

/// A rate beside the least that it could cost.
pub fn share(what: &str, rate: f64, of: f64, beside: &str, at_least: f64) {
    let share = 100.0 * rate / of;
    let wanted = wanted(share >= at_least, &format!("≥ {at_least:.0} %"));
    println!("| {what} | {rate:.0} /s | **{share:.0} %** of {beside} | {wanted} |");
}

/// A time that has a limit.
pub fn time(what: &str, time: Duration, beside: &str, limit: Duration) {
    let wanted = wanted(time <= limit, &format!("≤ {limit:.0?}"));
    println!("| {what} | {time:.1?} | {beside} | {wanted} |");
}

/// Memory in KiB, which has a limit in MiB.
pub fn memory(what: &str, kib: u64, beside: &str, limit: u64) {
    let wanted = wanted(kib <= limit * 1024, &format!("≤ {limit} MiB"));
    println!("| {what} | {} | {beside} | {wanted} |", mib(kib));
}

/// As people read it.
pub fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

fn wanted(met: bool, what: &str) -> String {
    format!("{what} {}", if met { "✔" } else { "✘" })
}
