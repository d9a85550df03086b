//! Home feeds of a running service.

use serde_json::json;
use tracklore_testkit::{Account, Stack, eventually};
use uuid::Uuid;

use crate::{
    events::{empty_stack, follow_event, post_event, profile_event, shown_ids, user_event},
    neighbour::{Neighbour, profiles},
};

async fn wait_for_home(stack: &Stack, reader: &Account, what: &str, ids: &[Uuid]) {
    eventually(what, async || {
        let page = reader.get(stack, "feed", "/v1/feed/home").await;
        (page.status == 200 && shown_ids(&page) == ids && page.header("x-feed-state").is_empty())
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_home_feed_follows_at_once_backwards_too_and_forgets_at_once() {
    let mut stack = empty_stack().await;
    stack.start("auth").await;
    Neighbour::new(&mut stack).await.knows(profiles(&[(7, "Somebody"), (8, "Somebody")]));
    let ada = stack.sign_up("ada").await;
    stack.start("feed").await;
    for id in [7, 8] {
        user_event(&stack, id, 1, "created").await;
        profile_event(&stack, id, 1, "Somebody").await;
    }
    let [one, two, three, other] = [(); 4].map(|()| Uuid::now_v7());
    post_event(&stack, one, 7, 1, &json!({})).await;
    post_event(&stack, two, 7, 1, &json!({"visibility": "followers"})).await;
    post_event(&stack, other, 8, 1, &json!({})).await;
    wait_for_home(&stack, &ada, "nobody is followed", &[]).await;
    follow_event(&stack, ada.id, 7, 1, true).await;
    wait_for_home(&stack, &ada, "old posts show, those for followers too", &[two, one]).await;
    post_event(&stack, three, 7, 1, &json!({})).await;
    wait_for_home(&stack, &ada, "a new post shows", &[three, two, one]).await;
    follow_event(&stack, ada.id, 8, 1, true).await;
    let all = [other, three, two, one];
    wait_for_home(&stack, &ada, "two are followed", &all).await;
    let first = ada.get(&stack, "feed", "/v1/feed/home?limit=3").await.expect(200);
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let second = ada.get(&stack, "feed", &format!("/v1/feed/home?limit=3&cursor={cursor}")).await.expect(200);
    assert_eq!([shown_ids(&first), shown_ids(&second)].concat(), all);
    follow_event(&stack, ada.id, 7, 2, false).await;
    wait_for_home(&stack, &ada, "an unfollowed one is gone", &[other]).await;
    // an older event comes again
    follow_event(&stack, ada.id, 7, 1, true).await;
    user_event(&stack, 8, 2, "deleted").await;
    wait_for_home(&stack, &ada, "a deleted one is gone", &[]).await;
    assert_eq!(stack.get("feed", "/v1/feed/home").await.expect(401).code(), "token-missing");
}
