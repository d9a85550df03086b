//! Who calls: verification, keys, logging out.

use tracklore_platform::token::{RemoteKeys, Verifier};
use tracklore_testkit::Answer;

use crate::{auth, log_in, refresh, text, verify};

#[tokio::test]
async fn verify_says_who_calls_with_an_empty_body() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let answer = verify(&stack, &ada.access_token).await.expect(200);
    assert_eq!((answer.header("x-user-id"), answer.header("x-scope")), (ada.id.to_string().as_str(), ""));
    assert_eq!(answer.header("content-length"), "0");

    assert_eq!(stack.get("auth", "/v1/auth/verify").await.expect(401).code(), "token-missing");
    for bad in ["", "garbage", &stack.service_token("user").await, &ada.refresh_token] {
        assert_eq!(verify(&stack, bad).await.expect(401).code(), "invalid-token", "{bad}");
    }
}

#[tokio::test]
async fn after_logging_out_the_session_is_refused_at_once_and_another_one_lives_on() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let other = log_in(&stack, "ada", &ada.password).await.expect(200);
    let logout =
        stack.request(reqwest::Method::POST, "auth", "/v1/auth/logout").bearer_auth(&ada.access_token);
    Answer::of(logout).await.expect(204);

    verify(&stack, &ada.access_token).await.expect(401);
    ada.get(&stack, "auth", "/v1/auth/me").await.expect(401);
    refresh(&stack, &ada.refresh_token).await.expect(401);
    ada.post(&stack, "auth", "/v1/auth/logout", &serde_json::Value::Null).await.expect(401);
    verify(&stack, &text(&other, "access_token")).await.expect(200);
}

#[tokio::test]
async fn the_published_keys_verify_tokens_and_can_be_cached() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let keys = stack.get("auth", "/.well-known/jwks.json").await.expect(200);
    assert_eq!(keys.header("cache-control"), "public, max-age=300");
    let key = &keys.json["keys"][0];
    assert_eq!(
        (key["kty"].as_str(), key["crv"].as_str(), key["kid"].as_str()),
        (Some("OKP"), Some("Ed25519"), Some("20260101000000"))
    );
    assert!(key.get("d").is_none());
    let again = stack.request(reqwest::Method::GET, "auth", "/.well-known/jwks.json");
    Answer::of(again.header("if-none-match", keys.header("etag"))).await.expect(304);

    let url = format!("{}/.well-known/jwks.json", stack.public_url("auth"));
    let verifier = Verifier::new("http://tracklore.test", RemoteKeys::new(url, tracklore_testkit::http()));
    assert_eq!(verifier.user(&ada.access_token).await.unwrap().id.get(), ada.id);
    assert_eq!(verifier.service(&stack.service_token("user").await).await.unwrap().client_id, "user");
}
