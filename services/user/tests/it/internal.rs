//! The API for the other services.

use reqwest::Method;
use serde_json::{Value, json};
use tracklore_testkit::{Answer, Stack};

use crate::{patch, stack};

const BATCH: &str = "/internal/v1/profiles:batch";

/// Asks as `feed` does.
async fn batch(stack: &Stack, body: &Value) -> Answer {
    let token = stack.service_token("feed").await;
    let url = format!("{}{BATCH}", stack.internal_url("user"));
    Answer::of(tracklore_testkit::http().post(url).bearer_auth(token).json(body)).await
}

#[tokio::test]
async fn cards_come_in_the_order_asked_also_of_accounts_just_made() {
    let mut stack = Stack::new().await;
    stack.start("auth").await;
    stack.set("TRACKLORE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1");
    stack.start("user").await;
    let ada = stack.sign_up("ada").await;
    let grace = stack.sign_up("grace").await;
    let own =
        patch(&stack, &grace, &json!({"display_name": "Grace", "bio": "Compilers"})).await.expect(200).json;

    let answer = batch(&stack, &json!({"ids": [grace.id, 1, ada.id, grace.id]})).await.expect(200).json;
    let items = answer["items"].as_array().unwrap();
    assert_eq!(
        items.iter().map(|item| item["id"].as_i64().unwrap()).collect::<Vec<_>>(),
        [grace.id, ada.id, grace.id]
    );
    assert_eq!(
        items[0],
        json!({
            "id": grace.id, "username": "grace", "display_name": "Grace", "avatar_url": null,
            "updated_at": own["updated_at"]
        })
    );
    assert_eq!(batch(&stack, &json!({"ids": []})).await.expect(200).json, json!({"items": []}));
}

#[tokio::test]
async fn only_services_may_ask_and_only_sane_questions() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let url = format!("{}{BATCH}", stack.internal_url("user"));
    let client = tracklore_testkit::http();
    let question = json!({"ids": [ada.id]});
    assert_eq!(Answer::of(client.post(&url).json(&question)).await.expect(401).code(), "token-missing");
    let as_user = client.post(&url).bearer_auth(&ada.access_token).json(&question);
    assert_eq!(Answer::of(as_user).await.expect(401).code(), "invalid-token");

    let many: Vec<_> = (1..=101).collect();
    let refused = batch(&stack, &json!({"ids": many})).await.expect(422);
    assert_eq!(refused.json["errors"][0]["pointer"], "/ids");
    for bad in [json!({}), json!({"ids": ["x"]}), json!({"ids": [0]}), json!({"ids": [], "more": 1})] {
        assert_eq!(batch(&stack, &bad).await.expect(400).code(), "malformed-request");
    }
    let outside = stack.request(Method::POST, "user", BATCH).json(&question);
    assert_eq!(Answer::of(outside).await.status, 404, "not on the public port");
    let token = stack.service_token("feed").await;
    let as_service = stack.request(Method::GET, "user", crate::ME).bearer_auth(token);
    assert_eq!(Answer::of(as_service).await.status, 401, "a service is never a user");
}
