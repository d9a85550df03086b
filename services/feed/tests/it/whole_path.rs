//! All four services: what people do shows in the feed.

use serde_json::{Value, json};
use tracklore_testkit::{Account, Answer, Stack, eventually};

use crate::events::empty_stack;

/// Waits until the newest activity of the user's list is as `matches` says.
async fn newest(stack: &Stack, user: &Account, what: &str, matches: impl Fn(&Value) -> bool) -> Answer {
    eventually(what, async || {
        let page = stack.get("feed", &format!("/v1/feed/users/{}", user.id)).await;
        (page.status == 200 && matches(&page.json["items"][0])).then_some(page)
    })
    .await
}

#[tokio::test]
async fn a_post_shows_with_its_complete_actor_follows_its_changes_and_goes() {
    let mut stack = empty_stack().await;
    for service in ["auth", "user", "posts", "feed"] {
        stack.start(service).await;
    }
    let ada = stack.sign_up("ada").await;
    let post = ada.post(&stack, "posts", "/v1/posts", &json!({"text": "Hello"})).await.expect(201);
    let path = format!("/v1/posts/{}", post.json["id"].as_str().unwrap());

    let page = newest(&stack, &ada, "the post shows", |item| !item.is_null()).await;
    let activity = &page.json["items"][0];
    assert_eq!(activity["post"], post.json);
    assert_eq!(activity["actor"]["username"], "ada");
    assert_eq!((&activity["id"], &activity["occurred_at"]), (&post.json["id"], &post.json["created_at"]));

    assert_eq!(ada.patch(&stack, "posts", &path, &json!({"text": "Hello all"})).await.status, 200);
    newest(&stack, &ada, "the update shows", |item| item["post"]["text"] == "Hello all").await;
    assert_eq!(
        ada.patch(&stack, "user", "/v1/users/me", &json!({"display_name": "Ada L"})).await.status,
        200
    );
    newest(&stack, &ada, "the profile shows", |item| item["actor"]["display_name"] == "Ada L").await;
    assert_eq!(ada.patch(&stack, "posts", &path, &json!({"visibility": "followers"})).await.status, 200);
    newest(&stack, &ada, "a post for followers goes", Value::is_null).await;
    assert_eq!(ada.patch(&stack, "posts", &path, &json!({"visibility": "public"})).await.status, 200);
    newest(&stack, &ada, "it comes back", |item| !item.is_null()).await;
    assert_eq!(ada.delete(&stack, "posts", &path).await.status, 204);
    newest(&stack, &ada, "the deletion shows", Value::is_null).await;
}
