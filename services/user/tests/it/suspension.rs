//! What becomes of suspended users here.

use serde_json::json;
use tracklore_testkit::{Answer, eventually};

use crate::{
    ME, account,
    follows::{counts, follow, following},
    ids, stack, tell, username_becomes,
};

#[tokio::test]
async fn a_suspended_user_is_hidden_and_can_do_nothing_until_let_in_again() {
    let stack = stack().await;
    let (ada, grace) = (stack.sign_up("ada").await, stack.sign_up("grace").await);
    follow(&stack, &ada, &grace).await.expect(204);
    let goals = "/v1/users/me/goals";
    ada.post(&stack, "user", goals, &json!({"title": "Engines", "visibility": "public"})).await.expect(201);
    tell(&stack, "suspended", 5, &account(ada.id, "ada", "suspended")).await;
    let path = format!("/v1/users/{}", ada.id);
    eventually("the profile is hidden", async || {
        (stack.get("user", &path).await.status == 404).then_some(())
    })
    .await;

    for part in ["followers", "following", "goals", "badges"] {
        stack.get("user", &format!("{path}/{part}")).await.expect(404);
    }
    assert_eq!(stack.get("user", "/v1/users?username=ada").await.expect(200).json["items"], json!([]));
    let followers = stack.get("user", &format!("/v1/users/{}/followers", grace.id)).await.expect(200).json;
    assert_eq!(ids(&followers), [0; 0]);
    for (method, path) in [("GET", ME), ("PATCH", ME), ("GET", goals), ("POST", goals)] {
        let request = ada.request(&stack, method.parse().unwrap(), "user", path);
        let refused = Answer::of(request.json(&json!({"title": "x"}))).await.expect(401);
        assert_eq!(refused.code(), "invalid-token", "{method} {path}");
    }
    ada.put(&stack, "user", &following(grace.id)).await.expect(401);
    follow(&stack, &grace, &ada).await.expect(404);
    // others can part from them all the same
    grace.delete(&stack, "user", &format!("{ME}/followers/{}", ada.id)).await.expect(204);
    grace.put(&stack, "user", &format!("{ME}/blocks/{}", ada.id)).await.expect(204);
    grace.delete(&stack, "user", &format!("{ME}/blocks/{}", ada.id)).await.expect(204);

    // posts that they wrote still stand beside a name
    let token = stack.service_token("feed").await;
    let url = format!("{}/internal/v1/profiles:batch", stack.internal_url("user"));
    let cards = tracklore_testkit::http().post(url).bearer_auth(token).json(&json!({"ids": [ada.id]}));
    assert_eq!(Answer::of(cards).await.expect(200).json["items"][0]["username"], "ada");

    tell(&stack, "updated", 6, &account(ada.id, "ada", "active")).await;
    username_becomes(&stack, ada.id, "ada").await;
    assert_eq!(counts(&stack, ada.id).await, (0, 0));
    let shown = stack.get("user", &format!("{path}/goals")).await.expect(200).json;
    assert_eq!(shown["items"][0]["title"], "Engines");
}
