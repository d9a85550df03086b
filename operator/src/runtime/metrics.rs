//! What Prometheus is told: all the operator's metrics in one place.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use metrics_exporter_prometheus::{BuildError, PrometheusHandle};
use tracklore_telemetry::metric::{self, Groups, Metric};

use crate::{api::v1alpha1::TrackloreStackStatus, stack::status};

/// A pass that changes nothing takes a millisecond, the first one of a stack a few seconds.
const PASSES: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

const RECONCILES: Metric = Metric::counter("tracklore_operator_reconciles_total", &[], "Passes over stacks.");
const FAILURES: Metric = Metric::counter(
    "tracklore_operator_reconcile_failures_total",
    &[],
    "Passes that ended early and were tried again.",
);
const DURATION: Metric =
    Metric::histogram("tracklore_operator_reconcile_duration_seconds", &[], PASSES, "How long passes took.");
const RUNNING: Metric =
    Metric::gauge("tracklore_operator_reconciles_running", &[], "Passes that are under way; at most 16.");
const WAITING: Metric = Metric::gauge(
    "tracklore_operator_stacks_backing_off",
    &[],
    "Stacks whose last pass failed: they wait for their next one, longer each time.",
);
const WATCH_ERRORS: Metric =
    Metric::counter("tracklore_operator_watch_errors_total", &["watch"], "Errors of watches.");
const LEADER: Metric = Metric::gauge(
    "tracklore_operator_leader",
    &[],
    "1 where this replica works, 0 where it waits for the Lease.",
);
const REQUESTS: Metric = Metric::histogram(
    "tracklore_operator_api_request_duration_seconds",
    &["verb", "resource", "code"],
    PASSES,
    "Requests to the API server and how long they took until the answer began; without an answer the code is `none`.",
);
const PRESENT: Metric = Metric::gauge(
    "tracklore_stack_present",
    &["stack_namespace", "stack_name"],
    "1 while there is such a stack, 0 once it is gone.",
);
const SUSPENDED: Metric = Metric::gauge(
    "tracklore_stack_suspended",
    &["stack_namespace", "stack_name"],
    "1 while a stack is to run no services, as `spec.suspended` says.",
);
const CONDITION: Metric = Metric::gauge(
    "tracklore_stack_condition",
    &["stack_namespace", "stack_name", "condition"],
    "1 where a condition of a stack is True, else 0.",
);
const CERTIFICATE_ENDS: Metric = Metric::gauge(
    "tracklore_stack_certificate_expiry_timestamp_seconds",
    &["stack_namespace", "stack_name"],
    "When the first of a stack's certificates ends, made for it or given to it, in seconds since 1970; 0 where it has none. Looked at \
     at least every hour and a half.",
);

/// All of the operator's metrics.
pub const ALL: Groups = &[&[
    RECONCILES,
    FAILURES,
    DURATION,
    RUNNING,
    WAITING,
    WATCH_ERRORS,
    LEADER,
    REQUESTS,
    PRESENT,
    SUSPENDED,
    CONDITION,
    CERTIFICATE_ENDS,
]];

/// Sets the process' recorder.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = metric::record("tracklore-operator", env!("CARGO_PKG_VERSION"), ALL)?;
    leader(false);
    Ok(handle)
}

/// A pass that is under way.
pub struct Pass(());

impl Pass {
    /// It begins.
    pub fn begin() -> Self {
        metrics::gauge!(RUNNING.name).increment(1);
        Self(())
    }

    /// It is over.
    pub fn end(self, duration: Duration, well: bool) {
        metrics::counter!(RECONCILES.name).increment(1);
        metrics::histogram!(DURATION.name).record(duration);
        if !well {
            metrics::counter!(FAILURES.name).increment(1);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        metrics::gauge!(RUNNING.name).decrement(1);
    }
}

/// Tells how many stacks wait after a failed pass.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
pub fn backing_off(stacks: usize) {
    metrics::gauge!(WAITING.name).set(stacks as f64);
}

/// Tells whether this replica works.
pub fn leader(is: bool) {
    metrics::gauge!(LEADER.name).set(f64::from(is));
}

/// Tells of a request to the API server.
pub fn requested(verb: &'static str, resource: String, code: Option<u16>, duration: Duration) {
    let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    metrics::histogram!(REQUESTS.name, "verb" => verb, "resource" => resource, "code" => code)
        .record(duration);
}

/// Tells that a stack is there, whether it rests, and which of its conditions hold.
pub fn stack(meta: &ObjectMeta, suspended: bool, status: Option<&TrackloreStackStatus>) {
    tell(PRESENT, meta, 1.0);
    tell(SUSPENDED, meta, f64::from(suspended));
    for condition in status.iter().flat_map(|status| &status.conditions) {
        gauge(meta, &condition.type_).set(f64::from(condition.status == "True"));
    }
}

/// Tells when the first certificate of a stack ends.
#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a floating-point number, which counts seconds for long"
)]
pub fn certificates_end(meta: &ObjectMeta, first: Option<Timestamp>) {
    tell(CERTIFICATE_ENDS, meta, first.map_or(0.0, |first| first.as_second() as f64));
}

/// Tells that a stack is gone: none of its conditions holds.
pub fn forget(meta: &ObjectMeta) {
    tell(PRESENT, meta, 0.0);
    tell(SUSPENDED, meta, 0.0);
    tell(CERTIFICATE_ENDS, meta, 0.0);
    for condition in status::CONDITIONS {
        gauge(meta, condition).set(0.0);
    }
}

/// Counts an error of a watch.
pub fn watch_failed(watch: &str) {
    metrics::counter!(WATCH_ERRORS.name, "watch" => watch.to_owned()).increment(1);
}

fn tell(metric: Metric, meta: &ObjectMeta, value: f64) {
    let (namespace, name) =
        (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
    metrics::gauge!(metric.name, "stack_namespace" => namespace, "stack_name" => name).set(value);
}

fn gauge(meta: &ObjectMeta, condition: &str) -> metrics::Gauge {
    metrics::gauge!(
        CONDITION.name,
        "stack_namespace" => meta.namespace.clone().unwrap_or_default(),
        "stack_name" => meta.name.clone().unwrap_or_default(),
        "condition" => condition.to_owned()
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_metric_is_named_once_and_says_what_it_means() {
        assert_eq!(tracklore_telemetry::metric::flaws(super::ALL), Vec::<String>::new());
    }
}
