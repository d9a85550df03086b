//! The user service as a process, with the real auth beside it, against real Postgres and Kafka.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

mod badges;
mod blocks;
mod contract;
mod deletion;
mod events;
mod follow_lists;
mod follows;
mod goals;
mod internal;
mod kafka_away;
mod outage;
mod profile;
mod republish;
mod rules;
mod settings;
mod sign_ups;
mod suspension;
mod tls;
mod tokens;

use serde_json::Value;
use tracklore_platform::event::Record;
use tracklore_testkit::{Account, Answer, Stack, eventually};

const ME: &str = "/v1/users/me";

/// A stack with auth and this service.
async fn stack() -> Stack {
    let mut stack = Stack::new().await;
    stack.start("auth").await;
    stack.start("user").await;
    stack
}

/// A change of one's own profile.
async fn patch(stack: &Stack, account: &Account, body: &Value) -> Answer {
    account.patch(stack, "user", ME, body).await
}

/// Waits until the public profile has this username.
async fn username_becomes(stack: &Stack, id: i64, username: &str) {
    let path = format!("/v1/users/{id}");
    eventually(&format!("user {id} is called {username}"), async || {
        let answer = stack.get("user", &path).await;
        (answer.status == 200 && answer.json["username"] == username).then_some(())
    })
    .await;
}

/// The payload of a record.
fn payload(record: &Record) -> Value {
    serde_json::from_slice(record.value.as_deref().unwrap()).unwrap()
}

/// What stands in `profile-events` about this aggregate: types and sequences in their order.
async fn history(stack: &Stack, key: &str) -> Vec<(String, i64)> {
    let records = stack.records("profile-events").await;
    let of_key = records.iter().filter(|record| record.key == key.as_bytes());
    of_key
        .map(|record| {
            let r#type = record.header("ce_type").unwrap().trim_start_matches("tracklore.").to_owned();
            (r#type, record.header("ce_sequence").unwrap().parse().unwrap())
        })
        .collect()
}

/// Waits until the history of this aggregate is so long; it.
async fn history_of(stack: &Stack, key: &str, length: usize) -> Vec<(String, i64)> {
    eventually(&format!("{length} events of {key}"), async || {
        let history = history(stack, key).await;
        (history.len() >= length).then_some(history)
    })
    .await
}

/// The ids in a page of profiles.
fn ids(page: &Value) -> Vec<i64> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

/// What auth would publish of an account.
fn account(id: i64, username: &str, status: &str) -> Value {
    serde_json::json!({
        "id": id, "username": username, "status": status, "created_at": "2026-11-20T09:30:00.000Z"
    })
}

/// Puts an event about an account into `user-events`.
async fn tell(stack: &Stack, kind: &str, sequence: i64, account: &Value) {
    tell_behind(stack, account, kind, sequence, account).await;
}

/// The same, in the partition of the events about `before`: it is seen after them.
async fn tell_behind(stack: &Stack, before: &Value, kind: &str, sequence: i64, account: &Value) {
    let (id, sequence) = (account["id"].to_string(), sequence.to_string());
    let r#type = format!("tracklore.user.{kind}.v1");
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", "0197a000-0000-7000-8000-000000000000"),
        ("ce_type", &r#type),
        ("ce_source", "auth"),
        ("ce_subject", &id),
        ("ce_time", "2026-11-20T10:00:00.000Z"),
        ("ce_sequence", &sequence),
        ("content-type", "application/json"),
    ];
    let key = before["id"].to_string();
    stack.write_record("user-events", &key, &headers, Some(account.to_string().as_bytes())).await;
}
