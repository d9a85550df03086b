//! Traces across all services, and what happens without their collector.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, timeout};
use tracklore_testkit::{Collector, SeenSpan, Stack, eventually};

use crate::events::empty_stack;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn traceparent(sampled: bool) -> String {
    format!("00-{TRACE}-{CALLER}-{:02x}", u8::from(sampled))
}

/// A span's line of descent, the newest first: service and name of each.
fn descent<'a>(spans: &'a [SeenSpan], span: &'a SeenSpan) -> Vec<(&'a str, &'a str)> {
    let parent = |span: &SeenSpan| spans.iter().find(|other| Some(&other.id) == span.parent.as_ref());
    std::iter::successors(Some(span), |span| parent(span))
        .map(|span| (span.service.as_str(), span.name.as_str()))
        .collect()
}

/// Reads a stream until `text` has come.
async fn read_until(stream: &mut reqwest::Response, text: &str) {
    let mut read = String::new();
    while !read.contains(text) {
        let chunk = timeout(Duration::from_secs(30), stream.chunk()).await.unwrap().unwrap();
        read.push_str(&String::from_utf8_lossy(&chunk.unwrap()));
    }
}

/// A stack of which traces are kept only where a caller wants it, and who takes them.
async fn traced_stack() -> (Collector, Stack) {
    let (collector, mut stack) = (Collector::start().await, empty_stack().await);
    stack.set("TRACKLORE_OTLP_ENDPOINT", collector.endpoint());
    stack.set("TRACKLORE_TRACE_SAMPLING_RATIO", "0");
    (collector, stack)
}

#[tokio::test]
async fn one_trace_joins_a_post_its_event_the_feed_and_a_stream_client() {
    let (collector, mut stack) = traced_stack().await;
    for service in ["auth", "user", "posts", "feed"] {
        stack.start(service).await;
    }
    let ada = stack.sign_up("ada").await;
    let stream = stack.request(Method::GET, "feed", "/v1/feed/stream?scope=global");
    let mut stream = stream.send().await.unwrap();
    read_until(&mut stream, "here we go").await;

    let request = ada.request(&stack, Method::POST, "posts", "/v1/posts").json(&json!({"text": "Hello"}));
    let answer = request.header("traceparent", traceparent(true)).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    read_until(&mut stream, "activity.created").await;

    let topic = format!("{}posts-events", stack.topic_prefix());
    let (send, process) = (format!("send {topic}"), format!("process {topic}"));
    let path = [
        ("tracklore-feed", "send activity.created"),
        ("tracklore-feed", process.as_str()),
        ("tracklore-posts", send.as_str()),
        ("tracklore-posts", "create posts-events"),
        ("tracklore-posts", "POST /v1/posts"),
    ];
    let spans = eventually("the whole trace has come in", async || {
        let spans = collector.trace(TRACE).await;
        let is_whole = spans.iter().any(|span| descent(&spans, span) == path)
            && ["FCALL apply", "COMMIT"].iter().all(|name| spans.iter().any(|span| span.name == *name));
        is_whole.then_some(spans)
    })
    .await;
    let root = spans.iter().find(|span| span.name == "POST /v1/posts").unwrap();
    assert_eq!(root.parent.as_deref(), Some(CALLER));
    let write = spans.iter().find(|span| span.name == "FCALL apply").unwrap();
    assert_eq!(descent(&spans, write)[1..], path[1..], "Redis is asked by the consumer");
    let insert = spans.iter().find(|span| span.name == "INSERT posts").unwrap();
    assert_eq!(descent(&spans, insert)[1..], path[path.len() - 1..], "Postgres is asked by the request");
    assert!(spans.iter().all(|span| span.trace == TRACE && !span.failed), "{spans:?}");
    // and none begins anywhere else
    let strangers = spans.iter().filter(|span| descent(&spans, span).last() != path.last());
    assert_eq!(strangers.count(), 0, "{spans:?}");
}

#[tokio::test]
async fn the_trace_of_a_log_in_shows_what_the_database_was_asked_and_the_password_verified() {
    let (collector, mut stack) = traced_stack().await;
    stack.start("auth").await;
    let ada = stack.sign_up("ada").await;
    let request =
        stack.request(Method::POST, "auth", "/v1/auth/login").header("traceparent", traceparent(true));
    let answer =
        request.json(&json!({"login": ada.username, "password": ada.password})).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let spans = eventually("the whole trace has come in", async || {
        let spans = collector.trace(TRACE).await;
        spans.iter().any(|span| span.name == "POST /v1/auth/login").then_some(spans)
    })
    .await;
    for step in ["SELECT users", "verify a password", "SELECT grants"] {
        let span = spans.iter().find(|span| span.name == step);
        let span = span.unwrap_or_else(|| unreachable!("no {step} in {spans:?}"));
        assert_eq!(descent(&spans, span)[1..], [("tracklore-auth", "POST /v1/auth/login")]);
    }
}

#[tokio::test]
async fn a_failure_is_kept_though_its_trace_is_not() {
    let (collector, mut stack) = traced_stack().await;
    stack.set("TRACKLORE_REDIS_URL", "redis://127.0.0.1:1/0");
    stack.launch("feed").await;
    let ask = async |path: &str| {
        let request = stack.request(Method::GET, "feed", path).header("traceparent", traceparent(false));
        request.send().await.ok().map(|answer| answer.status().as_u16())
    };
    eventually("feed listens", async || ask("/v1/feed/users/ada").await).await;
    assert_eq!(ask("/v1/feed/global").await, Some(503));
    let spans = eventually("the failure has come in", async || {
        let spans = collector.trace(TRACE).await;
        spans.iter().any(|span| span.name == "GET /v1/feed/global").then_some(spans)
    })
    .await;
    assert!(spans.iter().all(|span| span.failed), "{spans:?}");
}

async fn count(stack: &Stack, series: &str) -> u64 {
    let metrics = stack.metrics("feed").await;
    let line = metrics.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0, |count| count.trim().parse().unwrap())
}

#[tokio::test]
async fn a_collector_that_is_away_or_hangs_costs_nothing_but_its_spans() {
    // takes connections, and never says anything
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hangs = format!("http://{}", silent.local_addr().unwrap());
    for (endpoint, patience) in [("http://127.0.0.1:1", 30), (hangs.as_str(), 60)] {
        let mut stack = empty_stack().await;
        stack.set("TRACKLORE_OTLP_ENDPOINT", endpoint);
        stack.set("TRACKLORE_TRACE_SAMPLING_RATIO", "1");
        stack.start("feed").await;
        for _ in 0..20 {
            stack.get("feed", "/v1/feed/global").await.expect(200);
        }
        let dropped = r#"tracklore_trace_spans_dropped_total{reason="not-taken"}"#;
        tracklore_testkit::eventually_within(
            Duration::from_secs(patience),
            "spans are dropped",
            async || (count(&stack, dropped).await > 0).then_some(()),
        )
        .await;
        assert_eq!(count(&stack, "tracklore_trace_spans_exported_total").await, 0);
        let stopping = Instant::now();
        stack.stop("feed").await;
        assert!(stopping.elapsed() < Duration::from_secs(10), "{:?}", stopping.elapsed());
    }
}
