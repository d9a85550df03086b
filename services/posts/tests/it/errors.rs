//! Bad requests: each has the status and the code of the contract.

use reqwest::Method;
use serde_json::json;
use tracklore_testkit::Answer;

use crate::support::{at, stack, text, write};

#[tokio::test]
async fn every_kind_of_bad_request_has_its_own_status_and_code() {
    let stack = stack().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let post = write(&stack, &ada, text("One")).await;
    let path = at(&post);
    let json = |who: &tracklore_testkit::Account, method: Method, path: &str, body: &str| {
        who.request(&stack, method, "posts", path)
            .header("content-type", "application/json")
            .body(body.to_owned())
    };
    let create = |body: &str| json(&ada, Method::POST, "/v1/posts", body);
    let nobody = |method, path: &str| stack.request(method, "posts", path);
    let big = json!({"text": "x".repeat(70_000)}).to_string();
    let unknown = "/v1/posts/01990000-0000-7000-8000-000000000000";
    for (request, status, code) in [
        (create("{"), 400, "malformed-request"),
        (create(r#"{"text": 7}"#), 400, "malformed-request"),
        (create(r#"{"text": "x", "colour": "red"}"#), 400, "malformed-request"),
        (create(r#"{"text": "x", "attributes": []}"#), 400, "malformed-request"),
        (create(r#"{"text": "x", "visibility": "friends"}"#), 422, "validation-failed"),
        (json(&ada, Method::PATCH, &path, r#"{"visibility": "friends"}"#), 422, "validation-failed"),
        (json(&ada, Method::PATCH, &path, r#"{"visibility": 7}"#), 400, "malformed-request"),
        (create(r#"{"text": "x", "expires_at": "tomorrow"}"#), 400, "malformed-request"),
        (create(r#"{"text": "x", "attributes": {"a": "\u0000"}}"#), 422, "validation-failed"),
        (create(r#"{"text": "\u0000"}"#), 422, "validation-failed"),
        (create(r#"{"text": ""}"#), 422, "validation-failed"),
        (create(&big), 413, "payload-too-large"),
        (create("{}").header("idempotency-key", ""), 400, "malformed-request"),
        (create("{}").header("idempotency-key", "a b"), 400, "malformed-request"),
        (
            create("{}").header("idempotency-key", "a").header("idempotency-key", "b"),
            400,
            "malformed-request",
        ),
        (create("{}").header("content-encoding", "gzip"), 415, "unsupported-media-type"),
        (ada.request(&stack, Method::POST, "posts", "/v1/posts").body("{}"), 415, "unsupported-media-type"),
        (ada.request(&stack, Method::PUT, "posts", &path), 405, "method-not-allowed"),
        (nobody(Method::POST, "/v1/posts").json(&text("x")), 401, "token-missing"),
        (nobody(Method::DELETE, &path), 401, "token-missing"),
        (nobody(Method::GET, &path).bearer_auth("bad"), 401, "invalid-token"),
        (nobody(Method::GET, "/v1/posts?author_id=1").bearer_auth("bad"), 401, "invalid-token"),
        (json(&bob, Method::PATCH, &path, r#"{"text": "Mine"}"#), 403, "forbidden"),
        (bob.request(&stack, Method::DELETE, "posts", &path), 403, "forbidden"),
        (nobody(Method::GET, unknown), 404, "not-found"),
        (nobody(Method::GET, "/v1/posts/1"), 404, "not-found"),
        (json(&ada, Method::PATCH, unknown, "{}"), 404, "not-found"),
        (json(&ada, Method::PATCH, &path, r#"{"text": null}"#), 422, "validation-failed"),
        (json(&ada, Method::PATCH, &path, r#"{"id": "x"}"#), 400, "malformed-request"),
        (nobody(Method::GET, "/v1/posts"), 400, "malformed-request"),
        (nobody(Method::GET, "/v1/posts?author_id=1&limit=0"), 400, "malformed-request"),
        (nobody(Method::GET, "/v1/posts?author_id=1&limit=101"), 400, "malformed-request"),
        (nobody(Method::GET, "/v1/posts?author_id=1&cursor=x"), 400, "malformed-request"),
        (nobody(Method::GET, "/v1/posts?attributes.a=%00"), 400, "malformed-request"),
        (nobody(Method::GET, "/v1/posts?ids="), 400, "malformed-request"),
        (nobody(Method::GET, &format!("{unknown}/revisions")), 404, "not-found"),
        (nobody(Method::GET, &format!("{path}/revisions?limit=0")), 400, "malformed-request"),
        (nobody(Method::GET, &format!("{path}/revisions?cursor=x")), 400, "malformed-request"),
    ] {
        let request = request.build().unwrap();
        let what = format!("{} {}", request.method(), request.url());
        let body = request.body().and_then(|body| body.as_bytes()).map(<[u8]>::to_vec).unwrap_or_default();
        let body = String::from_utf8_lossy(body.get(..60.min(body.len())).unwrap()).into_owned();
        let client = tracklore_testkit::http();
        let answer = Answer::of(reqwest::RequestBuilder::from_parts(client, request)).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{what} {body}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
        assert_eq!(answer.json["request_id"].as_str().unwrap(), answer.header("x-request-id"), "{what}");
        assert_eq!(!answer.header("www-authenticate").is_empty(), status == 401, "{what}");
    }
}

#[tokio::test]
async fn all_violations_are_told_at_once() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let attributes: serde_json::Map<_, _> = (0..33).map(|n| (n.to_string(), json!([[[["x"]]]]))).collect();
    let body =
        json!({"text": "x".repeat(5001), "attributes": attributes, "expires_at": "2020-01-01T00:00:00Z"});
    let refused = ada.post(&stack, "posts", "/v1/posts", &body).await.expect(422);
    let pointers: Vec<_> =
        refused.json["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/text", "/attributes", "/attributes", "/expires_at"]);
}

#[tokio::test]
async fn the_document_has_every_endpoint_with_its_problems() {
    let stack = stack().await;
    let document = stack.get("posts", "/openapi.json").await.expect(200).json;
    for (path, method, statuses) in [
        ("/v1/posts", "post", &["201", "400", "401", "409", "413", "415", "422", "503"][..]),
        ("/v1/posts", "get", &["200", "400", "401", "503"]),
        ("/v1/posts/{id}", "get", &["200", "304", "401", "404", "503"]),
        ("/v1/posts/{id}", "patch", &["200", "400", "401", "403", "404", "412", "413", "415", "422"]),
        ("/v1/posts/{id}", "delete", &["204", "401", "403", "404", "412"]),
        ("/v1/posts/{id}/revisions", "get", &["200", "400", "401", "404", "503"]),
    ] {
        let responses = &document["paths"][path][method]["responses"];
        for status in statuses {
            assert!(responses[status].is_object(), "{method} {path} lacks {status}");
        }
    }
    for schema in ["Post", "Revision", "Draft", "Change", "Problem", "FieldError"] {
        assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
    }
}
