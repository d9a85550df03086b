//! What Prometheus is told.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{api::v1alpha1::TrackloreStackStatus, stack::status};

const RECONCILES: &str = "tracklore_operator_reconciles_total";
const FAILURES: &str = "tracklore_operator_reconcile_failures_total";
const DURATION: &str = "tracklore_operator_reconcile_duration_seconds";
const CONDITION: &str = "tracklore_stack_condition";
const WATCH_ERRORS: &str = "tracklore_operator_watch_errors_total";

/// A pass that changes nothing takes a millisecond, the first one of a stack a few seconds.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Sets the process' recorder.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(DURATION.into()), &BUCKETS)?
        .install_recorder()?;
    metrics::describe_counter!(RECONCILES, "Passes over stacks.");
    metrics::describe_counter!(FAILURES, "Passes that ended early and were tried again.");
    metrics::describe_histogram!(DURATION, metrics::Unit::Seconds, "How long passes took.");
    metrics::describe_gauge!(CONDITION, "1 where a condition of a stack is True, else 0.");
    metrics::describe_counter!(WATCH_ERRORS, "Errors of watches.");
    metrics::counter!(RECONCILES).absolute(0);
    metrics::counter!(FAILURES).absolute(0);
    Ok(handle)
}

/// Counts a pass.
pub fn reconciled(duration: Duration, well: bool) {
    metrics::counter!(RECONCILES).increment(1);
    metrics::histogram!(DURATION).record(duration.as_secs_f64());
    if !well {
        metrics::counter!(FAILURES).increment(1);
    }
}

/// Tells the conditions of a stack.
pub fn conditions(meta: &ObjectMeta, status: &TrackloreStackStatus) {
    for condition in &status.conditions {
        gauge(meta, &condition.type_).set(if condition.status == "True" { 1.0 } else { 0.0 });
    }
}

/// Tells that a stack is gone: none of its conditions holds.
pub fn forget(meta: &ObjectMeta) {
    for condition in status::CONDITIONS {
        gauge(meta, condition).set(0.0);
    }
}

/// Counts an error of a watch.
pub fn watch_failed(watch: &str) {
    metrics::counter!(WATCH_ERRORS, "watch" => watch.to_owned()).increment(1);
}

fn gauge(meta: &ObjectMeta, condition: &str) -> metrics::Gauge {
    metrics::gauge!(
        CONDITION,
        "namespace" => meta.namespace.clone().unwrap_or_default(),
        "name" => meta.name.clone().unwrap_or_default(),
        "condition" => condition.to_owned()
    )
}
