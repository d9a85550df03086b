//! What bad input gets.

use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::json;
use tracklore_testkit::Answer;

use crate::{ME, patch, stack};

#[tokio::test]
async fn every_kind_of_bad_input_gets_its_problem() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let anyone = |method: Method, path: &str| stack.request(method, "user", path);
    let send = |body: String, media_type: &str| {
        ada.request(&stack, Method::PATCH, "user", ME).header(CONTENT_TYPE, media_type).body(body)
    };
    let json_type = "application/json";
    let big = format!(r#"{{"bio": "{}"}}"#, "x".repeat(70_000));
    for (request, status, code) in [
        (anyone(Method::GET, ME), 401, "token-missing"),
        (anyone(Method::GET, ME).bearer_auth("garbage"), 401, "invalid-token"),
        (anyone(Method::GET, ME).header("authorization", "Basic YTpi"), 401, "invalid-token"),
        (anyone(Method::PATCH, ME).json(&json!({})), 401, "token-missing"),
        (anyone(Method::GET, "/v1/users/1").bearer_auth("garbage"), 401, "invalid-token"),
        (anyone(Method::GET, "/v1/users?username=ada").bearer_auth("garbage"), 401, "invalid-token"),
        (anyone(Method::GET, "/v1/users/1"), 404, "not-found"),
        (anyone(Method::GET, "/v1/users/0"), 404, "not-found"),
        (anyone(Method::GET, "/v1/users/ada"), 404, "not-found"),
        (anyone(Method::GET, "/v1/users/9007199254740992"), 404, "not-found"),
        (anyone(Method::GET, "/v1/nothing"), 404, "not-found"),
        (anyone(Method::GET, "/v1/users"), 400, "malformed-request"),
        (anyone(Method::GET, "/v1/users?username=ada&limit=1"), 400, "malformed-request"),
        (anyone(Method::GET, "/v1/users?username=ada&username=eve"), 400, "malformed-request"),
        (anyone(Method::GET, "/v1/users?name=ada"), 400, "malformed-request"),
        (anyone(Method::DELETE, ME), 405, "method-not-allowed"),
        (anyone(Method::POST, "/v1/users"), 405, "method-not-allowed"),
        (send("{".to_owned(), json_type), 400, "malformed-request"),
        (send("[]".to_owned(), json_type), 400, "malformed-request"),
        (send("null".to_owned(), json_type), 400, "malformed-request"),
        (send(r#"{"bio": 1}"#.to_owned(), json_type), 400, "malformed-request"),
        (send(r#"{"username": "eve"}"#.to_owned(), json_type), 400, "malformed-request"),
        (send("{}".to_owned(), "text/plain"), 415, "unsupported-media-type"),
        (send(big, json_type), 413, "payload-too-large"),
        (send(r#"{"bio": "a\u0000b"}"#.to_owned(), json_type), 422, "validation-failed"),
    ] {
        let described = format!("{request:?}");
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{described}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.json["request_id"], answer.header("x-request-id"));
        assert_eq!(answer.header("www-authenticate"), if status == 401 { "Bearer" } else { "" });
        assert_eq!(answer.header("allow").is_empty(), status != 405);
    }
    let merge_patch = send(r#"{"bio": "good"}"#.to_owned(), "application/merge-patch+json; charset=utf-8");
    assert_eq!(Answer::of(merge_patch).await.expect(200).json["bio"], "good");
}

#[tokio::test]
async fn all_violations_come_at_once_and_nothing_is_changed() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let bad = json!({
        "display_name": "\u{202E}x", "location": "x".repeat(101), "bio": "x".repeat(5001),
        "avatar_url": "https://127.0.0.1/a.png", "follow_policy": "closed"
    });
    let answer = patch(&stack, &ada, &bad).await.expect(422);
    let pointers: Vec<_> = answer.json["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/display_name", "/location", "/bio", "/avatar_url", "/follow_policy"]);
    let own = ada.get(&stack, "user", ME).await.expect(200).json;
    assert!(own["display_name"].is_null() && own["created_at"] == own["updated_at"]);
}

#[tokio::test]
async fn names_that_nobody_can_have_are_found_by_nobody() {
    let stack = stack().await;
    for name in ["nobody", "x", "", "a%00b", "%F0%9F%91%8B", "a%2Fb", "..%2F..%2Ftoken"] {
        let found = stack.get("user", &format!("/v1/users?username={name}")).await.expect(200).json;
        assert_eq!(found, json!({"items": [], "next_cursor": null}), "{name}");
    }
}

#[tokio::test]
async fn the_documents_are_served() {
    let stack = stack().await;
    let document = stack.get("user", "/openapi.json").await.expect(200).json;
    assert!(document["paths"]["/v1/users/me"]["patch"].is_object());
    drop(stack.get("user", "/docs").await.expect(200));
}
