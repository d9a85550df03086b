//! Writing posts, once and again under the same key.

use reqwest::Method;
use serde_json::json;

use crate::support::{at, at_once, events_of, in_millis, stack, text, with_header, write};

#[tokio::test]
async fn a_post_is_written_and_read_back_as_it_was_answered() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let body = json!({
        "text": "Hello", "attributes": {"n": 1.5, "tags": ["a"], "deep": {"x": null}}, "visibility": "public",
        "expires_at": in_millis(3_600_000)
    });
    let created = ada.post(&stack, "posts", "/v1/posts", &body).await.expect(201);
    assert_eq!(created.header("location"), at(&created.json));
    assert_eq!(created.header("etag"), "\"v1\"");
    assert_eq!((&created.json["author_id"], &created.json["version"]), (&json!(ada.id), &json!(1)));
    for field in ["text", "attributes", "visibility", "expires_at"] {
        assert_eq!(created.json[field], body[field], "{field}");
    }

    let read = stack.get("posts", created.header("location")).await.expect(200);
    assert_eq!((&read.json, read.header("etag")), (&created.json, "\"v1\""));
    let request = (Method::GET, created.header("location"));
    let known = with_header(&stack, &ada, request, ("if-none-match", "\"v1\""), None).await;
    assert_eq!((known.status, known.json), (304, serde_json::Value::Null));
}

#[tokio::test]
async fn the_same_key_and_body_give_the_same_answer_and_one_post() {
    let stack = stack().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let send = async |who, key, body| {
        with_header(&stack, who, (Method::POST, "/v1/posts"), ("idempotency-key", key), Some(&body)).await
    };
    let first = send(&ada, "k1", text("Hello")).await.expect(201);
    let again = send(&ada, "k1", text("Hello")).await.expect(201);
    assert_eq!(first.json, again.json);
    for name in ["location", "etag", "content-type"] {
        assert_eq!(first.header(name), again.header(name), "{name}");
    }
    assert_eq!(send(&ada, "k1", text("Other")).await.expect(422).code(), "idempotency-key-reused");
    // another person's and another key's are other requests
    assert_ne!(send(&bob, "k1", text("Hello")).await.expect(201).json["id"], first.json["id"]);
    assert_ne!(send(&ada, "k2", text("Hello")).await.expect(201).json["id"], first.json["id"]);

    let list = stack.get("posts", &format!("/v1/posts?author_id={}", ada.id)).await.expect(200);
    assert_eq!(list.json["items"].as_array().unwrap().len(), 2);
    stack.record("posts-events", |record| record.key == first.json["id"].as_str().unwrap().as_bytes()).await;
    assert_eq!(events_of(&stack, &first.json).await.len(), 1);
}

#[tokio::test]
async fn a_repeated_request_is_answered_while_the_one_before_has_not_let_go_of_the_key() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let send = async || {
        let request = (Method::POST, "/v1/posts");
        with_header(&stack, &ada, request, ("idempotency-key", "k"), Some(&text("Hello"))).await
    };
    let first = send().await.expect(201);
    let mut holder = stack.database("posts").begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(format!("{} POST /v1/posts k", ada.id))
        .execute(&mut *holder)
        .await
        .unwrap();
    assert_eq!(send().await.expect(201).json, first.json);
    sqlx::query("DELETE FROM idempotency_keys").execute(&stack.database("posts")).await.unwrap();
    assert_eq!(
        send().await.expect(409).code(),
        "idempotency-key-in-use",
        "without an answer it is waited for"
    );
    holder.commit().await.unwrap();
    assert_ne!(send().await.expect(201).json["id"], first.json["id"]);
}

#[tokio::test]
async fn a_repeated_request_is_answered_even_when_its_end_has_passed() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let end = in_millis(1500);
    let body = json!({"text": "Short", "expires_at": end});
    let send = async || {
        let request = (Method::POST, "/v1/posts");
        with_header(&stack, &ada, request, ("idempotency-key", "k"), Some(&body)).await
    };
    let first = send().await.expect(201);
    tracklore_testkit::eventually("the end has passed", async || (in_millis(0) > end).then_some(())).await;
    assert_eq!(send().await.expect(201).json, first.json);
}

#[tokio::test]
async fn one_key_sent_many_times_at_once_makes_one_post() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let body = text("Once");
    let requests = (0..8).map(|_| {
        ada.request(&stack, Method::POST, "posts", "/v1/posts").header("idempotency-key", "k").json(&body)
    });
    let answers = at_once(requests).await;
    let created: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!created.is_empty() && created.iter().all(|answer| answer.json == created[0].json));
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.code() == "idempotency-key-in-use"));
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM posts").fetch_one(&stack.database("posts")).await.unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn answer_reading_and_event_write_numbers_alike() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let body = r#"{"text": "n", "attributes": {"big": 1e30, "small": 1.50, "zero": -0.0, "int": 18446744073709551616}}"#;
    let raw = async |request: reqwest::RequestBuilder| request.send().await.unwrap().text().await.unwrap();
    let attributes = |text: &str| {
        let start = text.find("\"attributes\"").unwrap();
        let text = &text[start..=start + text[start..].find('}').unwrap()];
        text.replace(' ', "")
    };
    let request = ada.request(&stack, Method::POST, "posts", "/v1/posts");
    let answer = raw(request.header("content-type", "application/json").body(body)).await;
    let post: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let read = raw(stack.request(Method::GET, "posts", &at(&post))).await;
    assert_eq!(attributes(&answer), attributes(&read));
    let id = post["id"].as_str().unwrap();
    let record = stack.record("posts-events", |record| record.key == id.as_bytes()).await;
    let event = String::from_utf8(record.value.unwrap()).unwrap();
    assert_eq!(attributes(&answer), attributes(&event));
}

#[tokio::test]
async fn a_post_of_any_characters_is_stored_as_it_is() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let odd = "\u{1}\u{202e}🦀 é \"'\\ %00 \u{10ffff}";
    let post = write(&stack, &ada, json!({"text": odd, "attributes": {odd: odd, "big": 1e300}})).await;
    assert_eq!(stack.get("posts", &at(&post)).await.expect(200).json, post);
    assert_eq!((&post["text"], &post["attributes"][odd]), (&json!(odd), &json!(odd)));
}
