//! Events as the other services publish them, and waiting for what they do.

use serde_json::{Value, json};
use tracklore_testkit::{Answer, Stack, eventually};
use uuid::Uuid;

/// A stack whose Redis database is empty: the number is random, and the server outlives the tests.
pub async fn empty_stack() -> Stack {
    let mut stack = Stack::new().await;
    // a failure shows the end of the log, and waiting makes many requests
    stack.set("TRACKLORE_LOG", "info,tracklore_platform::http=warn");
    stack.redis().await.empty().await;
    stack
}

/// A public post of `author` as the posts service has it, made when its id says; `changes` go over it.
pub fn post(id: Uuid, author: i64, version: i64, changes: &Value) -> Value {
    let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
    let created = tracklore_platform::time::Timestamp::from_unix_millis(
        i64::try_from(seconds).unwrap() * 1000 + i64::from(nanos / 1_000_000),
    );
    let mut payload = json!({
        "id": id, "author_id": author, "text": format!("version {version}"), "attributes": {}, "visibility": "public",
        "expires_at": null, "version": version, "created_at": created, "updated_at": created
    });
    for (key, value) in changes.as_object().unwrap() {
        payload[key] = value.clone();
    }
    payload
}

/// A public post of `author`, made when its id says; `changes` go over the payload.
pub async fn post_event(stack: &Stack, id: Uuid, author: i64, version: i64, changes: &Value) {
    let payload = post(id, author, version, changes);
    let r#type = match (version, payload.get("reason")) {
        (_, Some(_)) => "post.deleted",
        (1, _) => "post.created",
        _ => "post.updated",
    };
    write(stack, "posts-events", &id.to_string(), r#type, version, &payload).await;
}

/// A user called `name<sequence>`; `what` is created, updated or deleted.
pub async fn user_event(stack: &Stack, id: i64, sequence: i64, what: &str) {
    let payload = json!({"id": id, "username": format!("name{sequence}"), "status": "active", "created_at": "2026-11-20T09:30:00.000Z"});
    write(stack, "user-events", &id.to_string(), &format!("user.{what}"), sequence, &payload).await;
}

pub async fn profile_event(stack: &Stack, id: i64, sequence: i64, display_name: &str) {
    let payload = json!({"id": id, "username": "x", "display_name": display_name, "avatar_url": null});
    write(stack, "profile-events", &id.to_string(), "profile.updated", sequence, &payload).await;
}

/// `follower` follows `followee`, or no longer.
pub async fn follow_event(stack: &Stack, follower: i64, followee: i64, sequence: i64, follows: bool) {
    let payload =
        json!({"follower_id": follower, "followee_id": followee, "occurred_at": "2026-11-20T09:30:00.000Z"});
    let r#type = if follows { "user.followed" } else { "user.unfollowed" };
    write(stack, "profile-events", &format!("{follower}:{followee}"), r#type, sequence, &payload).await;
}

async fn write(stack: &Stack, topic: &str, key: &str, r#type: &str, sequence: i64, payload: &Value) {
    let (r#type, sequence) = (format!("tracklore.{type}.v1"), sequence.to_string());
    let headers = [
        ("ce_type", r#type.as_str()),
        ("ce_subject", key),
        ("ce_sequence", &sequence),
        ("ce_time", "2026-11-20T09:30:00.000Z"),
    ];
    stack.write_record(topic, key, &headers, Some(payload.to_string().as_bytes())).await;
}

pub fn shown_ids(page: &Answer) -> Vec<Uuid> {
    let items = page.json["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
}

/// Waits until the list shows exactly these.
pub async fn wait_for_ids(stack: &Stack, path: &str, ids: &[Uuid]) -> Answer {
    wait_for_ids_of(stack, "feed", path, ids).await
}

/// The same, where this replica answers.
pub async fn wait_for_ids_of(stack: &Stack, replica: &str, path: &str, ids: &[Uuid]) -> Answer {
    eventually(&format!("{path} of {replica} shows {} posts", ids.len()), async || {
        let page = stack.get(replica, path).await;
        (page.status == 200 && shown_ids(&page) == ids).then_some(page)
    })
    .await
}
