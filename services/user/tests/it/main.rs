//! The user service as a process, with the real auth beside it, against real Postgres and Kafka.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

mod contract;
mod events;
mod internal;
mod outage;
mod profile;

use serde_json::Value;
use tracklore_testkit::{Account, Answer, Stack};

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
