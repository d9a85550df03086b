//! Two stacks beside each other know nothing of each other.

use reqwest::Method;
use serde_json::json;
use tracklore_e2e::{Person, TestStack};

use crate::{client, name, shared_stack};

#[tokio::test]
async fn a_second_stack_accepts_no_token_and_shows_no_data_of_the_first() {
    let client = client().await;
    let (first, other) = tokio::join!(shared_stack(&client), TestStack::start(&client, "second"));
    let (first, second) = (first.url(&client).await, other.url(&client).await);

    let username = name("ada");
    let mut ada = Person::sign_up(&first, &username).await;
    let post = ada.post("only here").await;
    let here = |items: &[serde_json::Value]| items.iter().any(|item| item["post"]["id"] == json!(post));
    ada.feed("/v1/feed/global", "the post", here).await;

    let stranger = ada.at(&second);
    let _ = stranger.call(Method::GET, "/v1/users/me", None).await.expect(401);
    // the name is free there, and its owner sees nothing of the first stack
    let mut namesake = Person::sign_up(&second, &username).await;
    assert_eq!(namesake.call(Method::GET, &format!("/v1/posts/{post}"), None).await.status, 404);
    let own = namesake.post("only there").await;
    let items = namesake.feed("/v1/feed/global", "something", |items| !items.is_empty()).await;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["post"]["id"], json!(own));
    other.discard(&client).await;
}
