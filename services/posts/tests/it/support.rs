//! What the tests share: a stack with auth and posts, and short ways to say things.

use reqwest::Method;
use serde_json::{Value, json};
use tracklore_platform::{event::Received, time::Timestamp};
use tracklore_testkit::{Account, Answer, Stack};

/// auth and posts, running.
pub(crate) async fn stack() -> Stack {
    let mut stack = Stack::new().await;
    stack.start("auth").await;
    stack.start("posts").await;
    stack
}

/// Writes a post and gives the answer's body.
pub(crate) async fn write(stack: &Stack, author: &Account, body: Value) -> Value {
    author.post(stack, "posts", "/v1/posts", &body).await.expect(201).json
}

/// The address of a post.
pub(crate) fn at(post: &Value) -> String {
    format!("/v1/posts/{}", post["id"].as_str().unwrap())
}

/// A request with one more header.
pub(crate) async fn with_header(
    stack: &Stack,
    who: &Account,
    (method, path): (Method, &str),
    (name, value): (&str, &str),
    body: Option<&Value>,
) -> Answer {
    let request = who.request(stack, method, "posts", path).header(name, value);
    Answer::of(match body {
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

/// A moment so many milliseconds from now.
pub(crate) fn in_millis(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(Timestamp::now().unix_millis() + millis)
}

/// The texts of a list's items.
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|post| post["text"].as_str().unwrap()).collect()
}

/// What a post with the text alone is made of.
pub(crate) fn text(text: &str) -> Value {
    json!({"text": text})
}

/// The events about a post that stand in the topic, in their order there.
pub(crate) async fn events_of(stack: &Stack, post: &Value) -> Vec<Received> {
    let key = post["id"].as_str().unwrap().as_bytes();
    let records = stack.records("posts-events").await;
    records.iter().filter(|record| record.key == key).map(|record| record.event().unwrap().unwrap()).collect()
}

/// Puts an event about `key` into `topic`, as another service would.
pub(crate) async fn tell(stack: &Stack, topic: &str, kind: &str, key: &str, sequence: i64, payload: &Value) {
    let (r#type, sequence) = (format!("tracklore.{kind}.v1"), sequence.to_string());
    let time = in_millis(0).to_string();
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_type", &r#type),
        ("ce_subject", key),
        ("ce_time", &time),
        ("ce_sequence", &sequence),
    ];
    stack.write_record(topic, key, &headers, Some(payload.to_string().as_bytes())).await;
}

/// Says that one user follows another from now on, or no more.
pub(crate) async fn follow(stack: &Stack, (who, whom): (i64, i64), following: bool, sequence: i64) {
    let kind = if following { "user.followed" } else { "user.unfollowed" };
    let payload = json!({"follower_id": who, "followee_id": whom, "occurred_at": in_millis(0)});
    tell(stack, "profile-events", kind, &format!("{who}:{whom}"), sequence, &payload).await;
}

/// Says that an account was deleted.
pub(crate) async fn delete_account(stack: &Stack, user: i64) {
    let payload = json!({"id": user, "username": "gone", "status": "deleted", "created_at": in_millis(0)});
    tell(stack, "user-events", "user.deleted", &user.to_string(), 2, &payload).await;
}

/// A number out of the service's database.
pub(crate) async fn count(stack: &Stack, statement: &'static str) -> i64 {
    sqlx::query_scalar(statement).fetch_one(&stack.database("posts")).await.unwrap()
}

/// Sends all requests before any answer is waited for.
pub(crate) async fn at_once(requests: impl Iterator<Item = reqwest::RequestBuilder>) -> Vec<Answer> {
    let sent: Vec<_> = requests.map(|request| tokio::spawn(Answer::of(request))).collect();
    let mut answers = Vec::new();
    for answer in sent {
        answers.push(answer.await.unwrap());
    }
    answers
}
