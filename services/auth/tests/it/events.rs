//! What the other services hear.

use serde_json::{Value, json};

use crate::{auth, session_of};

#[tokio::test]
async fn a_new_account_is_published_with_its_public_state_under_its_id() {
    let stack = auth().await;
    let body = json!({"username": "ada", "email": "ada@example.org", "password": "a long enough secret"});
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = stack.request(reqwest::Method::POST, "auth", "/v1/auth/signup").json(&body);
    let request = request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let made = tracklore_testkit::Answer::of(request).await.expect(201).json;
    let id = made["user"]["id"].to_string();

    let record = stack.record("user-events", |record| record.key == id.as_bytes()).await;
    for (header, value) in [
        ("ce_specversion", "1.0"),
        ("ce_type", "tracklore.user.created.v1"),
        ("ce_source", "auth"),
        ("ce_subject", &id),
        ("ce_sequence", "1"),
        ("ce_time", made["user"]["created_at"].as_str().unwrap()),
        ("content-type", "application/json"),
    ] {
        assert_eq!(record.header(header), Some(value), "{header}");
    }
    assert!(record.header("traceparent").unwrap().contains(trace));
    let payload: Value = record.event().unwrap().unwrap().payload().unwrap();
    let expected = json!({
        "id": made["user"]["id"], "username": "ada", "status": "active", "created_at": made["user"]["created_at"]
    });
    assert_eq!(payload, expected);
}

#[tokio::test]
async fn the_end_of_a_session_is_published_once_under_its_id() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let session = session_of(&stack, &ada).await;
    ada.post(&stack, "auth", "/v1/auth/logout", &Value::Null).await.expect(204);
    let record = stack.record("session-events", |record| record.key == session.as_bytes()).await;
    assert_eq!(record.header("ce_type"), Some("tracklore.session.revoked.v1"));
    let payload: Value = record.event().unwrap().unwrap().payload().unwrap();
    assert_eq!(payload["session_id"], session);
    assert_eq!((payload["user_id"].as_i64(), payload["reason"].as_str()), (Some(ada.id), Some("logout")));
    assert_eq!(payload["revoked_at"].as_str(), record.header("ce_time"));
    assert_eq!(stack.records("session-events").await.len(), 1);
}

#[tokio::test]
async fn a_refused_sign_up_publishes_nothing() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    crate::sign_up(&stack, "ada", "other@example.org", "a long enough secret").await.expect(409);
    let bob = stack.sign_up("bob").await;
    stack.record("user-events", |record| record.key == bob.id.to_string().as_bytes()).await;
    let mut keys: Vec<_> = stack.records("user-events").await.into_iter().map(|record| record.key).collect();
    keys.sort();
    assert_eq!(keys, [ada.id.to_string().into_bytes(), bob.id.to_string().into_bytes()]);
}

#[tokio::test]
async fn without_kafka_people_sign_up_all_the_same() {
    let mut stack = tracklore_testkit::Stack::new().await;
    // nothing listens there
    stack.set("TRACKLORE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1");
    stack.start("auth").await;
    stack.sign_up("ada").await;
    let waiting = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE published_at IS NULL");
    let waiting: i64 = waiting.fetch_one(&stack.database("auth")).await.unwrap();
    assert_eq!(waiting, 1);
}
