//! What all services tell Prometheus is what the documents say, and their log lines are what machines expect.

use std::time::Duration;

use serde_json::{Value, json};
use tracklore_testkit::{Stack, eventually, eventually_within, http, undocumented};

use crate::events::empty_stack;

const SERVICES: [&str; 4] = ["auth", "user", "posts", "feed"];

/// All services, after some work.
async fn busy_stack() -> Stack {
    let mut stack = empty_stack().await;
    stack.set("TRACKLORE_LOG", "info");
    for service in SERVICES {
        stack.start(service).await;
    }
    let ada = stack.sign_up("ada").await;
    for text in ["Hello", "World"] {
        ada.post(&stack, "posts", "/v1/posts", &json!({"text": text})).await.expect(201);
    }
    eventually("the posts show", async || {
        let page = stack.get("feed", "/v1/feed/global").await;
        (page.json["items"].as_array()?.len() == 2).then_some(())
    })
    .await;
    stack
}

#[tokio::test]
async fn a_feed_that_waits_for_redis_since_it_started_says_that_it_may_miss_something() {
    let mut stack = empty_stack().await;
    stack.set("TRACKLORE_REDIS_URL", "redis://127.0.0.1:1/0");
    stack.launch("feed").await;
    let metrics = format!("{}/metrics", stack.admin_url("feed"));
    eventually("it says so", async || {
        let told = http().get(&metrics).send().await.ok()?.text().await.ok()?;
        told.lines().any(|line| line == "tracklore_feed_catching_up 1").then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_series_of_every_service_is_documented_with_its_labels() {
    let stack = busy_stack().await;
    for service in SERVICES {
        let (well, rows) = stack.run(service, &["metrics"]).await;
        assert!(well, "{rows}");
        assert_eq!(undocumented(&rows, &stack.metrics(service).await), [""; 0], "{service}");
    }
}

#[tokio::test]
async fn what_is_worth_an_alarm_is_told_from_the_beginning() {
    let stack = busy_stack().await;
    for (service, names) in [
        ("auth", &["tracklore_outbox_depth 0", "tracklore_auth_password_hashes_refused_total 0"][..]),
        ("posts", &["tracklore_outbox_oldest_age_seconds 0", "tracklore_outbox_relay_active 1"]),
        ("user", &["tracklore_dead_letters{", "tracklore_build_info{service_name=\"tracklore-user\""]),
        (
            "feed",
            &[
                "tracklore_consumer_lag_messages{",
                "tracklore_consumer_lag_seconds{",
                "tracklore_consumer_connected 1",
                "tracklore_feed_staleness_seconds 0",
                "tracklore_feed_catching_up 0",
                "tracklore_feed_freshness_seconds_count ",
                "db_client_connection_count{",
                "process_resident_memory_bytes ",
                "tracklore_build_info{service_name=\"tracklore-feed\"",
            ],
        ),
    ] {
        // dead letters are counted every 30 seconds, the first time before anybody records it
        let mut said = Vec::new();
        eventually_within(Duration::from_secs(90), &format!("{service} tells it all"), async || {
            let metrics = stack.metrics(service).await;
            let told = |name: &&&str| metrics.lines().any(|line| line.starts_with(**name));
            let untold: Vec<_> = names.iter().filter(|name| !told(name)).collect();
            if untold != said {
                println!("{service} doesn't tell {untold:?}");
                said.clone_from(&untold);
            }
            untold.is_empty().then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_request_is_one_line_with_its_trace_request_route_status_and_duration() {
    let stack = busy_stack().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = stack
        .request(reqwest::Method::GET, "feed", "/v1/feed/users/7?limit=5")
        .header("x-request-id", "mine-7")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-00"));
    assert_eq!(request.send().await.unwrap().status(), 200);
    let lines: Vec<Value> = eventually("the line is written", async || {
        let lines = stack.log("feed");
        lines.iter().any(|line| line["request_id"] == "mine-7").then_some(lines)
    })
    .await;
    let of_request: Vec<_> = lines.iter().filter(|line| line["request_id"] == "mine-7").collect();
    assert_eq!(of_request.len(), 1, "{of_request:?}");
    let line = of_request[0];
    assert_eq!(
        (&line["trace_id"], &line["route"], &line["method"], &line["status"], &line["level"]),
        (&json!(trace), &json!("/v1/feed/users/{id}"), &json!("GET"), &json!(200), &json!("INFO"))
    );
    assert!(line["duration_ms"].is_u64() && line["timestamp"].is_string(), "{line}");
    // nothing that would call a person happened
    let alarming: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    assert!(alarming.is_empty(), "{alarming:?}");
}

/// The values of the series whose line begins so.
async fn told(stack: &Stack, service: &str, start: &str) -> Vec<f64> {
    let metrics = stack.metrics(service).await;
    let lines = metrics.lines().filter(|line| line.starts_with(start));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn what_callers_invent_makes_no_series() {
    let stack = busy_stack().await;
    for number in 0..30 {
        for method in ["BREW", "GET", &format!("M{number}")] {
            let method = method.parse().unwrap();
            let request = stack.request(method, "feed", &format!("/v1/invented-{number}?x={number}"));
            assert_eq!(request.send().await.unwrap().status(), 404);
        }
    }
    let counts = "http_server_request_duration_seconds_count{";
    let known = "http_request_method=\"GET\",http_route=\"unmatched\",http_response_status_code=\"404\"} ";
    let other = "http_request_method=\"_OTHER\",http_route=\"unmatched\",http_response_status_code=\"404\"} ";
    assert_eq!(told(&stack, "feed", &format!("{counts}{known}")).await, [30.0]);
    assert_eq!(told(&stack, "feed", &format!("{counts}{other}")).await, [60.0]);
    let metrics = stack.metrics("feed").await;
    assert!(!metrics.contains("BREW") && !metrics.contains("invented"), "{metrics}");
}

#[tokio::test]
async fn what_happens_is_counted_where_it_happens() {
    let stack = busy_stack().await;
    let (sse, ws) = [r#"{transport="sse"} "#, r#"{transport="ws"} "#]
        .map(|transport| format!("tracklore_feed_stream_connections{transport}"))
        .into();
    let stream =
        stack.request(reqwest::Method::GET, "feed", "/v1/feed/stream?scope=global").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    for (service, start, least) in [
        ("auth", "tracklore_auth_password_hash_wait_seconds_count", 1.0),
        ("posts", "messaging_client_sent_messages_total{", 2.0),
        ("feed", "messaging_client_consumed_messages_total{", 2.0),
        ("feed", "tracklore_feed_freshness_seconds_count", 2.0),
        ("feed", &sse, 1.0),
        ("posts", "db_client_connection_count{", 1.0),
        ("posts", "db_client_connection_max{", 1.0),
    ] {
        eventually(&format!("{service} tells {start}"), async || {
            told(&stack, service, start).await.iter().any(|value| *value >= least).then_some(())
        })
        .await;
    }
    assert!(told(&stack, "feed", &ws).await.iter().all(|open| *open < 1.0));
    assert_eq!(told(&stack, "auth", "tracklore_auth_password_hashes_running").await, [0.0]);
    drop(stream);
    eventually("the stream is gone", async || (told(&stack, "feed", &sse).await == [0.0]).then_some(()))
        .await;
}
