//! Traces: what a request caused, across processes. The W3C context ([`TraceContext`]) goes along with requests, events
//! and changes; what each step took becomes a span ([`Span`], [`step`]), and a background task ([`start`]) sends the
//! spans to a collector as OTLP over HTTP.
//!
//! Whether a trace is kept is decided where it begins and told to all that come after; a step that fails is always kept
//! (but for statements of databases, of which nobody tells whether they failed).
//! Without a collector nothing is measured, and a collector that is away, slow or full costs nothing but the spans:
//! they wait in a bounded queue, and what doesn't fit is dropped and counted.

mod context;
mod export;
mod otlp;
mod sampling;
mod span;
pub(crate) mod statements;

use std::{pin::Pin, sync::OnceLock};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use context::{InvalidTraceparent, TRACEPARENT, TraceContext};
pub use sampling::Ratio;
pub use span::{Described, Kind, Span, Value, step};

use crate::{chain::Chain, metric::Metric};
use sampling::Sampler;
use span::Finished;

/// Spans that may wait for the collector.
const QUEUE: usize = 2048;

const EXPORTED: Metric =
    Metric::counter("tracklore_trace_spans_exported_total", &[], "Spans that the collector has taken.");
const DROPPED: Metric = Metric::counter(
    "tracklore_trace_spans_dropped_total",
    &["reason"],
    "Spans that nobody will see: `queue-full`, `not-taken` (the collector was away), `rejected` (it refused them).",
);

/// What is told of traces.
pub const METRICS: &[Metric] = &[EXPORTED, DROPPED];

/// Work that goes on beside the rest.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

static TRACER: OnceLock<Tracer> = OnceLock::new();

struct Tracer {
    queue: mpsc::Sender<Finished>,
    sampler: Sampler,
}

/// Where traces go, and how many of them.
#[derive(clap::Args, Clone, Debug)]
pub struct TraceArgs {
    /// Collector of traces that understands OTLP over HTTP, such as `http://otel-collector:4318`; `/v1/traces` is
    /// appended. With `https://`, whom the system trusts may sign for it. Nothing is traced without it.
    #[arg(long, env = "TRACKLORE_OTLP_ENDPOINT", value_parser = endpoint)]
    pub otlp_endpoint: Option<String>,
    /// How many of the traces that begin here are kept: 0 for none, 1 for all. Failures are always kept, and a request
    /// that brings a trace with it is kept if that is.
    #[arg(long, env = "TRACKLORE_TRACE_SAMPLING_RATIO", default_value = "0.01")]
    pub trace_sampling_ratio: Ratio,
    /// What all spans say of this process besides its name, as `key=value` separated by commas, such as
    /// `k8s.namespace.name=demo`.
    #[arg(long, env = "TRACKLORE_OTLP_ATTRIBUTES", value_delimiter = ',', value_parser = attribute)]
    pub otlp_attributes: Vec<(String, String)>,
}

/// Starts tracing for the program of this name and version. The task that comes back sends the spans until `stop`; there
/// is none without a collector.
pub fn start(args: &TraceArgs, service: &str, version: &str, stop: CancellationToken) -> Option<Task> {
    let endpoint = args.otlp_endpoint.as_ref()?;
    let resource = otlp::resource(service, version, &args.otlp_attributes);
    let exporter = match export::Exporter::new(endpoint, resource) {
        Ok(exporter) => exporter,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "traces can't be sent; the rest goes on");
            return None;
        }
    };
    let (queue, waiting) = mpsc::channel(QUEUE);
    let tracer = Tracer { queue, sampler: Sampler::new(args.trace_sampling_ratio) };
    // a second call (tests) keeps the first
    TRACER.set(tracer).ok()?;
    Some(Box::pin(exporter.run(waiting, stop)))
}

fn endpoint(text: &str) -> Result<String, &'static str> {
    match text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) {
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#']) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("use http:// or https:// and a host"),
    }
}

fn attribute(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write attributes as key=value"),
    }
}
