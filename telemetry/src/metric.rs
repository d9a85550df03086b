//! Metrics, each defined in one place: its name, what kind it is, its labels and what it means. The same definition
//! describes it to Prometheus, lists it in the documents and gives a histogram its bounds.
//!
//! Names that OpenTelemetry's semantic conventions know are theirs in Prometheus' form (`http.server.request.duration`
//! in seconds is `http_server_request_duration_seconds`); all others begin with `tracklore_`.

use std::fmt::Write as _;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of durations that people wait for, in seconds: OpenTelemetry's advice for HTTP.
pub const LATENCY: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Bounds of what takes a millisecond when all is well, in seconds.
pub const SHORT: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// What a metric counts like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many fell below each of these bounds.
    Histogram(&'static [f64]),
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// As Prometheus knows it.
    pub name: &'static str,
    /// How it counts.
    pub kind: Kind,
    /// Its labels; their values must be few.
    pub labels: &'static [&'static str],
    /// What it means, in a sentence.
    pub help: &'static str,
}

impl Metric {
    /// One that only grows; the name ends in `_total`.
    pub const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, labels, help }
    }

    /// One that goes up and down.
    pub const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, labels, help }
    }

    /// A distribution with these bounds.
    pub const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        bounds: &'static [f64],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Histogram(bounds), labels, help }
    }
}

/// The info of a build: always 1.
pub const BUILD_INFO: Metric = Metric::gauge(
    "tracklore_build_info",
    &["service_name", "service_version"],
    "Always 1: which program this is, and of which version.",
);

/// All metrics of a program, in groups.
pub type Groups<'a> = &'a [&'a [Metric]];

/// Starts recording for the program of this name and version, and describes what it may record.
pub fn record(service: &str, version: &str, groups: Groups) -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in all(groups) {
        if let Kind::Histogram(bounds) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)?;
        }
    }
    let handle = builder.install_recorder()?;
    for metric in all(groups) {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram(_) => metrics::describe_histogram!(metric.name, metric.help),
        }
        // what never happened shall be seen to be 0, not to be missing
        if metric.kind == Kind::Counter && metric.labels.is_empty() {
            metrics::counter!(metric.name).absolute(0);
        }
    }
    let (service, version) = (service.to_owned(), version.to_owned());
    metrics::gauge!(BUILD_INFO.name, "service_name" => service, "service_version" => version).set(1.0);
    Ok(handle)
}

/// One row of a Markdown table for each metric: name, kind, labels, meaning.
pub fn reference(groups: Groups) -> String {
    let mut rows = String::new();
    for metric in all(groups) {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        // writing to a string can't fail
        let _ = writeln!(rows, "| `{}` | {kind} | {} | {} |", metric.name, labels.join(", "), metric.help);
    }
    rows
}

fn all(groups: Groups<'_>) -> impl Iterator<Item = &Metric> {
    let own: &[Metric] = &[BUILD_INFO];
    [own, crate::process::METRICS, crate::trace::METRICS].into_iter().chain(groups.iter().copied()).flatten()
}

/// What is wrong with the definitions: for a test of each program.
pub fn flaws(groups: Groups) -> Vec<String> {
    let mut flaws = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for metric in all(groups) {
        let Metric { name, kind, labels, help } = metric;
        let is_word =
            |word: &str| word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let known = ["http_", "db_", "messaging_", "process_", "tracklore_"];
        let mut wrong = |what: &str| flaws.push(format!("{name}: {what}"));
        if !names.insert(name) {
            wrong("is defined twice");
        }
        if !is_word(name) || !labels.iter().all(|label| is_word(label)) {
            wrong("has a name or label that isn't lower-case words");
        }
        if !known.iter().any(|prefix| name.starts_with(prefix)) {
            wrong("is neither of the semantic conventions nor begins with tracklore_");
        }
        if (*kind == Kind::Counter) != name.ends_with("_total") {
            wrong("counters, and they alone, end in _total");
        }
        if help.is_empty() || !help.ends_with('.') || help.contains(['|', '\n']) {
            wrong("has no sentence that says what it means");
        }
    }
    flaws
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flaws_in_definitions_are_named() {
        let good = Metric::counter("tracklore_things_total", &["kind"], "Things.");
        assert_eq!(flaws(&[&[good]]), Vec::<String>::new());
        for bad in [
            Metric { name: "tracklore_things", ..good },
            Metric { name: "things_total", ..good },
            Metric { name: "tracklore_Things_total", ..good },
            Metric { labels: &["Kind"], ..good },
            Metric { help: "", ..good },
        ] {
            assert_eq!(flaws(&[&[bad]]).len(), 1, "{bad:?}");
        }
        assert_eq!(flaws(&[&[good], &[good]]).len(), 1);
    }

    #[test]
    fn the_reference_has_a_row_for_each_metric() {
        let rows = reference(&[&[Metric::counter("tracklore_things_total", &["kind"], "Things.")]]);
        assert!(rows.contains("| `tracklore_things_total` | counter | `kind` | Things. |"), "{rows}");
        assert!(rows.contains("process_resident_memory_bytes"), "{rows}");
    }
}
