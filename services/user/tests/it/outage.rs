//! When something that this service depends on is away.

use serde_json::json;
use tracklore_testkit::{Answer, eventually};

use crate::{ME, patch, stack};

#[tokio::test]
async fn without_auth_known_users_are_served_and_unknown_ones_are_told_to_come_again() {
    let mut stack = stack().await;
    let ada = stack.sign_up("ada").await;
    drop(ada.get(&stack, "user", ME).await.expect(200));
    let token = stack.service_token("feed").await;
    stack.kill("auth").await;

    drop(ada.get(&stack, "user", ME).await.expect(200));
    drop(patch(&stack, &ada, &json!({"bio": "Engines"})).await.expect(200));
    drop(stack.get("user", &format!("/v1/users/{}", ada.id)).await.expect(200));
    let found = stack.get("user", "/v1/users?username=Ada").await.expect(200);
    assert_eq!(found.json["items"][0]["bio"], "Engines");
    stack.get("user", "/v1/users?username=no%20name").await.expect(200);

    for path in ["/v1/users/7", "/v1/users?username=grace"] {
        let away = stack.get("user", path).await.expect(503);
        assert_eq!(away.code(), "unavailable");
        assert!(away.header("retry-after").parse::<u32>().unwrap() >= 1);
    }
    let batch = |ids: serde_json::Value| {
        let url = format!("{}/internal/v1/profiles:batch", stack.internal_url("user"));
        Answer::of(tracklore_testkit::http().post(url).bearer_auth(&token).json(&json!({"ids": ids})))
    };
    drop(batch(json!([ada.id])).await.expect(200));
    drop(batch(json!([ada.id, 7])).await.expect(503));

    stack.start("auth").await;
    eventually("auth is asked again", async || {
        (stack.get("user", "/v1/users/7").await.status == 404).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_kafka_everything_works_and_the_service_is_ready() {
    let mut stack = tracklore_testkit::Stack::new().await;
    stack.start("auth").await;
    stack.set("TRACKLORE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1");
    stack.start("user").await;
    let ada = stack.sign_up("ada").await;
    drop(patch(&stack, &ada, &json!({"bio": "Engines"})).await.expect(200));
    stack.stop("user").await;
}
