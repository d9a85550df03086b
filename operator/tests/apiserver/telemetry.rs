//! What the operator tells of its work: metrics, log lines and traces, as a process.

use std::process::Command;

use serde_json::{Value, json};
use tracklore_testkit::{Collector, SeenSpan, eventually_within, undocumented};

use crate::{
    replica::Replica,
    settle::PATIENCE,
    spaces::{NAME, Space, spec},
};

#[tokio::test]
async fn a_pass_is_measured_logged_and_traced_with_its_stack() {
    let (space, collector) = (Space::new("telemetry").await, Collector::start().await);
    let tracing = [
        ["--otlp-endpoint", collector.endpoint()],
        ["--trace-sampling-ratio", "1"],
        ["--log", "tracklore_operator=debug,info"],
    ];
    let operator = Replica::start(&space, "operator", "telemetry", tracing.as_flattened());
    space.apply(&spec()).await;
    space.serves().await;

    let rows = Command::new(env!("CARGO_BIN_EXE_tracklore-operator")).arg("metrics").output().unwrap();
    let metrics = eventually_within(PATIENCE, "no pass is under way", async || {
        let metrics = operator.metrics().await;
        metrics.lines().any(|line| line == "tracklore_operator_reconciles_running 0").then_some(metrics)
    })
    .await;
    assert_eq!(undocumented(&String::from_utf8(rows.stdout).unwrap(), &metrics), [""; 0]);
    let told =
        |start: &str| metrics.lines().find_map(|line| line.strip_prefix(start)?.trim().parse::<f64>().ok());
    let stack = format!("stack_namespace=\"{}\",stack_name=\"{NAME}\"", space.name);
    assert_eq!(told(&format!("tracklore_stack_present{{{stack}}}")), Some(1.0));
    assert_eq!(told(&format!("tracklore_stack_condition{{{stack},condition=\"Ready\"}}")), Some(1.0));
    assert_eq!(told(&format!("tracklore_stack_condition{{{stack},condition=\"Degraded\"}}")), Some(0.0));
    let ends = told(&format!("tracklore_stack_certificate_expiry_timestamp_seconds{{{stack}}}"));
    assert!(ends.is_some_and(|ends| ends > 1.7e9), "{ends:?}");
    assert!(told("tracklore_operator_reconciles_total").is_some_and(|passes| passes >= 2.0));
    assert!(metrics.contains("verb=\"patch\",resource=\"deployments\",code=\"201\""), "{metrics}");

    // A pass says in its lines which stack it is about, and under which trace it stands.
    let lines: Vec<Value> =
        operator.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let about = |line: &&Value| line["stack"] == NAME && line["trace_id"].is_string();
    let line = lines.iter().find(about).unwrap_or_else(|| panic!("no line is about the stack: {lines:#?}"));
    assert_eq!((&line["namespace"], &line["generation"]), (&json!(space.name), &json!(1)));
    let trace = line["trace_id"].as_str().unwrap();
    let spans: Vec<SeenSpan> = eventually_within(PATIENCE, "the collector has the pass", async || {
        let spans = collector.trace(trace).await;
        spans.iter().any(|span| span.name == "reconcile").then_some(spans)
    })
    .await;
    let pass = spans.iter().find(|span| span.name == "reconcile").unwrap();
    assert_eq!((pass.service.as_str(), &pass.parent), ("tracklore-operator", &None));
    let calls: Vec<_> = spans.iter().filter(|span| span.parent.as_ref() == Some(&pass.id)).collect();
    assert!(!calls.is_empty() && calls.len() == spans.len() - 1, "{spans:#?}");
}
