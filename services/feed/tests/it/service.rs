//! The service as a process, fed with events from Kafka; its neighbours don't run.

use reqwest::Method;
use serde_json::json;
use tracklore_testkit::{Answer, Stack, eventually};

use crate::events::{empty_stack, post_event, profile_event, shown_ids, user_event, wait_for_ids};
use crate::neighbour::{Neighbour, profiles};

#[tokio::test]
async fn events_become_lists_with_etags_pages_and_problems() {
    let mut stack = empty_stack().await;
    Neighbour::new(&mut stack).await.knows(profiles(&[(7, "Ada")]));
    stack.start("feed").await;
    user_event(&stack, 7, 1, "created").await;
    profile_event(&stack, 7, 1, "Ada").await;
    let posts: Vec<_> = (0..3).map(|_| uuid::Uuid::now_v7()).collect();
    for id in &posts {
        post_event(&stack, *id, 7, 1, &json!({})).await;
    }
    let newest_first: Vec<_> = posts.iter().rev().copied().collect();
    let page = wait_for_ids(&stack, "/v1/feed/global", &newest_first).await;
    assert_eq!(
        page.json["items"][0]["actor"],
        json!({"id": 7, "username": "name1", "display_name": "Ada", "avatar_url": null})
    );
    assert_eq!(page.header("content-type"), "application/json");
    assert_eq!(page.json["next_cursor"], json!(null));

    let unchanged =
        stack.request(Method::GET, "feed", "/v1/feed/global").header("If-None-Match", page.header("etag"));
    let unchanged = Answer::of(unchanged).await.expect(304);
    assert_eq!(unchanged.header("etag"), page.header("etag"));

    let first = stack.get("feed", "/v1/feed/users/7?limit=2").await.expect(200);
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let second = stack.get("feed", &format!("/v1/feed/users/7?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!([shown_ids(&first), shown_ids(&second)].concat(), newest_first);
    // a cursor is of one list
    assert_eq!(stack.get("feed", &format!("/v1/feed/global?cursor={cursor}")).await.status, 400);

    assert_eq!(
        stack.get("feed", "/v1/feed/users/8").await.expect(200).json,
        json!({"items": [], "next_cursor": null})
    );
    assert_eq!(stack.get("feed", "/v1/feed/users/ada").await.status, 404);
    assert_eq!(stack.get("feed", "/v1/feed/global?limit=101").await.status, 400);
    assert_eq!(stack.get("feed", "/v1/feed/global?page=2").await.status, 400);
    let request = stack.request(Method::GET, "feed", "/v1/feed/global").bearer_auth("no.good.token");
    assert_eq!(Answer::of(request).await.expect(401).code(), "invalid-token");
}

#[tokio::test]
async fn an_unknown_author_is_asked_for_and_until_then_nothing_shows_and_the_lag_is_told() {
    let mut stack = empty_stack().await;
    let neighbour = Neighbour::new(&mut stack).await;
    let (id, nobody) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    post_event(&stack, id, 7, 1, &json!({})).await;
    post_event(&stack, nobody, 8, 1, &json!({})).await;
    stack.start("feed").await;
    let waiting = stack.get("feed", "/v1/feed/global").await.expect(200);
    assert_eq!((waiting.header("x-feed-state"), shown_ids(&waiting).len()), ("catching-up", 0));

    neighbour.knows(
        json!([{"id": 7, "username": "ada", "display_name": null, "avatar_url": "https://a.example/7"}]),
    );
    let page = wait_for_ids(&stack, "/v1/feed/global", &[id]).await;
    let actor =
        json!({"id": 7, "username": "ada", "display_name": null, "avatar_url": "https://a.example/7"});
    assert_eq!(page.json["items"][0]["actor"], actor);
    eventually("it has caught up", async || {
        let page = stack.get("feed", "/v1/feed/global").await;
        page.header("x-feed-state").is_empty().then_some(())
    })
    .await;
    wait_for_ids(&stack, "/v1/feed/global", &[id]).await;
}

#[tokio::test]
async fn a_broken_event_goes_to_the_dead_letters_once_and_holds_nothing_up() {
    let mut stack = empty_stack().await;
    Neighbour::new(&mut stack).await.knows(profiles(&[(7, "Ada")]));
    user_event(&stack, 7, 1, "created").await;
    profile_event(&stack, 7, 1, "Ada").await;
    let headers = [
        ("ce_type", "tracklore.post.created.v1"),
        ("ce_subject", "x"),
        ("ce_sequence", "1"),
        ("ce_time", "2026-11-20T09:30:00.000Z"),
    ];
    stack.write_record("posts-events", "x", &headers, Some(b"{\"id\":1}")).await;
    stack.start("feed").await;
    let letters = async |stack: &Stack| stack.records("posts-events.feed.dlq").await.len();
    let letter = stack.record("posts-events.feed.dlq", |_| true).await;
    assert!(letter.header("dlq_reason").unwrap().contains("tracklore.post.created.v1"));
    eventually("it has caught up over the broken event", async || {
        stack.get("feed", "/v1/feed/global").await.header("x-feed-state").is_empty().then_some(())
    })
    .await;
    stack.kill("feed").await;
    stack.start("feed").await;
    let id = uuid::Uuid::now_v7();
    post_event(&stack, id, 7, 1, &json!({})).await;
    wait_for_ids(&stack, "/v1/feed/global", &[id]).await;
    assert_eq!(letters(&stack).await, 1);
}
