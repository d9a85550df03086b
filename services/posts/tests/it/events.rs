//! Events: what stands in Kafka after changes, in which order, and that none is lost when the process dies.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tracklore_testkit::{Answer, eventually};

use crate::support::{at, events_of, stack, text, with_header, write};

#[tokio::test]
async fn every_change_is_told_in_order_with_the_full_state() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let first = write(&stack, &ada, json!({"text": "One", "attributes": {"a": [1, {"b": null}]}})).await;
    let second = ada.patch(&stack, "posts", &at(&first), &text("Two")).await.expect(200).json;
    let third =
        ada.patch(&stack, "posts", &at(&first), &json!({"visibility": "followers"})).await.expect(200).json;
    drop(ada.delete(&stack, "posts", &at(&first)).await.expect(204));
    let last = json!({
        "id": first["id"], "author_id": ada.id, "visibility": "followers", "reason": "deleted", "version": 4
    });

    let events = eventually("all are published", async || {
        Some(events_of(&stack, &first).await).filter(|events| events.len() == 4)
    })
    .await;
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.r#type.as_str(), event.sequence, event.payload::<Value>().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("tracklore.post.created.v1", 1, first),
            ("tracklore.post.updated.v1", 2, second),
            ("tracklore.post.updated.v1", 3, third),
            ("tracklore.post.deleted.v1", 4, last),
        ]
    );
}

#[tokio::test]
async fn an_event_has_the_headers_of_a_cloud_event_and_the_trace_of_its_request() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let body = text("One");
    let request = (Method::POST, "/v1/posts");
    let post =
        with_header(&stack, &ada, request, ("traceparent", &parent), Some(&body)).await.expect(201).json;
    let id = post["id"].as_str().unwrap();
    let record = stack.record("posts-events", |record| record.key == id.as_bytes()).await;
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_type", "tracklore.post.created.v1"),
        ("ce_source", "posts"),
        ("ce_subject", id),
        ("ce_sequence", "1"),
        ("ce_time", post["created_at"].as_str().unwrap()),
        ("content-type", "application/json"),
    ] {
        assert_eq!(record.header(name), Some(value), "{name}");
    }
    assert_eq!(record.header("ce_id").unwrap().len(), 36);
    assert_eq!(record.header("traceparent").unwrap().split('-').nth(1), Some(trace));
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed_while_it_works() {
    let mut stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let (mut acknowledged, mut waiting) = (BTreeSet::new(), 0);
    for round in 0..3 {
        // many writers at once, and a kill in the middle of their work
        let requests: Vec<_> = (0..60)
            .map(|n| {
                ada.request(&stack, Method::POST, "posts", "/v1/posts").json(&text(&format!("{round} {n}")))
            })
            .collect();
        let writers: Vec<_> = requests
            .into_iter()
            .map(|request| {
                tokio::spawn(async move {
                    let answer = request.send().await.ok()?;
                    let created = answer.status().as_u16() == 201;
                    let post: Value = answer.json().await.ok()?;
                    created.then_some(post)
                })
            })
            .collect();
        let pool = stack.database("posts");
        let committed = acknowledged.len() + 10;
        eventually("some are written", async || {
            let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM posts").fetch_one(&pool).await.unwrap();
            usize::try_from(rows).is_ok_and(|rows| rows >= committed).then_some(())
        })
        .await;
        stack.kill("posts").await;
        let unpublished = "SELECT count(*) FROM outbox WHERE published_at IS NULL";
        waiting += sqlx::query_scalar::<_, i64>(unpublished).fetch_one(&pool).await.unwrap();
        for writer in writers {
            if let Some(post) = writer.await.unwrap() {
                acknowledged.insert(post["id"].as_str().unwrap().to_owned());
            }
        }
        stack.start("posts").await;
    }
    assert!(acknowledged.len() >= 3, "{}", acknowledged.len());

    // what counts is every committed row, acknowledged or not
    let pool = stack.database("posts");
    let rows: Vec<String> = sqlx::query_scalar("SELECT id::text FROM posts").fetch_all(&pool).await.unwrap();
    assert!(acknowledged.iter().all(|id| rows.contains(id)));
    let keys = eventually("every row's event is published", async || {
        let records = stack.records("posts-events").await;
        let keys: BTreeSet<_> =
            records.into_iter().map(|record| String::from_utf8(record.key).unwrap()).collect();
        rows.iter().all(|id| keys.contains(id)).then_some(keys)
    })
    .await;
    assert_eq!(keys.len(), rows.len(), "an event without a row");
    let (rows, acknowledged) = (rows.len(), acknowledged.len());
    println!(
        "{rows} rows, {acknowledged} acknowledged, {waiting} waiting in the outbox at a kill, none lost"
    );
}

#[tokio::test]
async fn a_stopped_process_finishes_and_ends_well() {
    let mut stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let post = write(&stack, &ada, text("Last")).await;
    stack.stop("posts").await;
    stack.start("posts").await;
    let read = Answer::of(stack.request(Method::GET, "posts", &at(&post))).await.expect(200);
    assert_eq!(read.json, post);
    stack.record("posts-events", |record| record.key == post["id"].as_str().unwrap().as_bytes()).await;
}
