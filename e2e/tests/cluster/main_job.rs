//! What Tracklore is for: people sign up, post, and see each other's posts in the feed, through one address.

use reqwest::Method;
use serde_json::{Value, json};
use tracklore_e2e::Person;
use tracklore_testkit::Answer;

use crate::{client, name, shared_stack};

#[tokio::test]
async fn a_person_signs_up_posts_and_sees_the_post_in_the_feed() {
    let client = client().await;
    let url = shared_stack(&client).await.url(&client).await;
    let mut ada = Person::sign_up(&url, &name("ada")).await;

    let profile = ada.call(Method::GET, "/v1/users/me", None).await.expect(200);
    assert_eq!(profile.json["username"], json!(ada.username), "the profile is there at once");
    let renamed = ada.call(Method::PATCH, "/v1/users/me", Some(&json!({"display_name": "Ada L."}))).await;
    assert_eq!(renamed.expect(200).json["display_name"], "Ada L.");

    let post = ada.post("Hello from a cluster").await;
    let mine = |activity: &Value| activity["post"]["id"] == json!(post);
    let complete = |activity: &Value| {
        mine(activity)
            && activity["actor"]["id"] == json!(ada.id)
            && activity["actor"]["username"] == json!(ada.username)
            && activity["actor"]["display_name"] == "Ada L."
    };
    ada.feed("/v1/feed/global", "the post with its actor", |items| items.iter().any(complete)).await;
    let own = format!("/v1/feed/users/{}", ada.id);
    ada.feed(&own, "the post alone", |items| items.len() == 1 && items.iter().all(complete)).await;
}

#[tokio::test]
async fn an_update_and_a_deletion_reach_the_feed() {
    let client = client().await;
    let url = shared_stack(&client).await.url(&client).await;
    let mut bob = Person::sign_up(&url, &name("bob")).await;
    let post = bob.post("first words").await;
    let (address, own) = (format!("/v1/posts/{post}"), format!("/v1/feed/users/{}", bob.id));

    bob.feed(&own, "the post", |items| items.len() == 1).await;
    let changed = bob.call(Method::PATCH, &address, Some(&json!({"text": "better words"}))).await.expect(200);
    assert_eq!(changed.json["version"], 2);
    bob.feed(&own, "the better words", |items| {
        items.len() == 1 && items[0]["post"]["text"] == "better words"
    })
    .await;

    let _ = bob.call(Method::DELETE, &address, None).await.expect(204);
    let _ = bob.call(Method::GET, &address, None).await.expect(404);
    bob.feed(&own, "nothing any more", <[Value]>::is_empty).await;
}

#[tokio::test]
async fn a_logged_out_session_is_stopped_at_the_gateway() {
    let client = client().await;
    let url = shared_stack(&client).await.url(&client).await;
    let cleo = Person::sign_up(&url, &name("cleo")).await;
    let _ = cleo.call(Method::GET, "/v1/users/me", None).await.expect(200);
    let _ = cleo.call(Method::POST, "/v1/auth/logout", None).await.expect(204);
    let _ = cleo.call(Method::GET, "/v1/users/me", None).await.expect(401);
}

#[tokio::test]
async fn identity_headers_from_outside_make_nobody() {
    let client = client().await;
    let url = shared_stack(&client).await.url(&client).await;
    let dora = Person::sign_up(&url, &name("dora")).await;
    for header in ["X-User-ID", "x-user-id", "X-Session-ID", "X-Scope"] {
        let forged = dora.anonymous(Method::GET, "/v1/users/me").header(header, dora.id.to_string());
        let _ = Answer::of(forged).await.expect(401);
    }
    let garbage = dora.anonymous(Method::GET, "/v1/feed/global").bearer_auth("garbage");
    let _ = Answer::of(garbage).await.expect(401);
}

#[tokio::test]
async fn internal_ports_probes_and_metrics_are_not_reached_from_outside() {
    let client = client().await;
    let url = shared_stack(&client).await.url(&client).await;
    let eve = Person::sign_up(&url, &name("eve")).await;
    for path in ["/internal/v1/users/1", "/metrics", "/readyz", "/v1/auth/../../internal/v1/users/1", "/"] {
        let answer = eve.call(Method::GET, path, None).await.expect(404);
        assert_eq!(answer.code(), "not-found", "{path}");
    }
}

#[tokio::test]
async fn one_page_has_the_documents_of_all_services() {
    let client = client().await;
    let url = shared_stack(&client).await.url(&client).await;
    let page = tracklore_testkit::http().get(format!("{url}/docs")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    for (service, path) in [
        ("auth", "/v1/auth/login"),
        ("user", "/v1/users/me"),
        ("posts", "/v1/posts"),
        ("feed", "/v1/feed/global"),
    ] {
        let answer =
            Answer::of(tracklore_testkit::http().get(format!("{url}/docs/{service}/openapi.json"))).await;
        assert!(answer.expect(200).json["paths"].get(path).is_some(), "{service} has no {path}");
    }
}

#[tokio::test]
async fn bad_input_gets_a_problem_that_says_what_to_do() {
    let client = client().await;
    let url = shared_stack(&client).await.url(&client).await;
    let fay = Person::sign_up(&url, &name("fay")).await;
    let post = async |body: Value| fay.call(Method::POST, "/v1/posts", Some(&body)).await;
    for (answer, status, code) in [
        (post(json!({"text": ""})).await, 422, "validation-failed"),
        (post(json!({"text": "x", "color": "red"})).await, 400, "malformed-request"),
        (fay.call(Method::GET, "/v1/feed/global?limit=0", None).await, 400, "malformed-request"),
        (fay.call(Method::GET, "/v1/posts/nothing", None).await, 404, "not-found"),
        (
            Answer::of(fay.anonymous(Method::POST, "/v1/posts").json(&json!({"text": "x"}))).await,
            401,
            "token-missing",
        ),
        (fay.call(Method::DELETE, "/v1/feed/global", None).await, 405, "method-not-allowed"),
    ] {
        let answer = answer.expect(status);
        assert_eq!(answer.code(), code);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(answer.json["detail"].as_str().is_some_and(|detail| detail.len() > 10));
    }
}
