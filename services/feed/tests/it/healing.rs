//! What breaks heals by itself: Redis away, Redis emptied, the service killed.

use serde_json::{Value, json};
use tracklore_testkit::{Fault, Proxy, Stack, eventually};
use uuid::Uuid;

use crate::events::{empty_stack, post_event, profile_event, user_event, wait_for_ids, wait_for_ids_of};

async fn stack_with_a_user() -> Stack {
    let stack = empty_stack().await;
    user_event(&stack, 7, 1, "created").await;
    profile_event(&stack, 7, 1, "Ada").await;
    stack
}

/// A way to Redis that can be bad, and the URL that takes it.
async fn way_to_redis(stack: &Stack) -> (Proxy, String) {
    let (server, database) = stack.redis_url().trim_start_matches("redis://").split_once('/').unwrap();
    let way = Proxy::before(server).await;
    let url = format!("redis://{}/{database}", way.address());
    (way, url)
}

#[tokio::test]
async fn without_redis_reads_are_503_and_afterwards_everything_is_there() {
    let mut stack = stack_with_a_user().await;
    let (way, url) = way_to_redis(&stack).await;
    stack.set("TRACKLORE_REDIS_URL", &url);
    stack.start("feed").await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    post_event(&stack, first, 7, 1, &json!({})).await;
    wait_for_ids(&stack, "/v1/feed/global", &[first]).await;

    way.set(Fault::Cut);
    let away = stack.get("feed", "/v1/feed/global").await.expect(503);
    assert_eq!((away.code(), away.header("retry-after")), ("unavailable", "1"));
    let ready =
        tracklore_testkit::http().get(format!("{}/readyz", stack.admin_url("feed"))).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    post_event(&stack, second, 7, 1, &json!({})).await;

    way.set(Fault::None);
    let started = std::time::Instant::now();
    eventually("reads work again", async || {
        (stack.get("feed", "/v1/feed/global").await.status == 200).then_some(())
    })
    .await;
    assert!(started.elapsed() < std::time::Duration::from_secs(1), "{:?}", started.elapsed());
    wait_for_ids(&stack, "/v1/feed/global", &[second, first]).await;
}

#[tokio::test]
async fn partitions_that_come_while_redis_says_nothing_are_read_as_soon_as_it_does() {
    let mut stack = stack_with_a_user().await;
    let (way, url) = way_to_redis(&stack).await;
    stack.set_for("feed-2", "TRACKLORE_REDIS_URL", &url);
    stack.start("feed").await;
    stack.start_replica("feed-2").await;
    let first = Uuid::now_v7();
    post_event(&stack, first, 7, 1, &json!({})).await;
    wait_for_ids(&stack, "/v1/feed/global", &[first]).await;
    let comings = |stack: &Stack| {
        let is_coming =
            |line: &Value| line["event"] == "RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS" && line["partitions"] != 0;
        stack.log("feed-2").iter().filter(|line| is_coming(line)).count()
    };
    eventually("each has partitions", async || (comings(&stack) > 0).then_some(())).await;

    let before = comings(&stack);
    way.set(Fault::HalfOpen);
    eventually("it waits for Redis", async || {
        (stack.get("feed-2", "/v1/feed/global").await.status == 503).then_some(())
    })
    .await;
    stack.stop("feed").await;
    let mut posts = vec![first];
    for _ in 0..10 {
        posts.insert(0, Uuid::now_v7());
        post_event(&stack, posts[0], 7, 1, &json!({})).await;
    }
    eventually("the other's partitions come", async || (comings(&stack) > before).then_some(())).await;
    way.set(Fault::None);
    wait_for_ids_of(&stack, "feed-2", "/v1/feed/global", &posts).await;
}

#[tokio::test]
async fn an_emptied_redis_is_filled_again_without_a_new_event() {
    let mut stack = stack_with_a_user().await;
    stack.start("feed").await;
    let posts: Vec<_> = (0..5).map(|_| Uuid::now_v7()).collect();
    for id in &posts {
        post_event(&stack, *id, 7, 1, &json!({})).await;
    }
    post_event(&stack, posts[2], 7, 2, &json!({"reason": "deleted"})).await;
    let expected = [posts[4], posts[3], posts[1], posts[0]];
    wait_for_ids(&stack, "/v1/feed/global", &expected).await;
    stack.redis().await.empty().await;
    wait_for_ids(&stack, "/v1/feed/global", &expected).await;
    wait_for_ids(&stack, "/v1/feed/users/7", &expected).await;
}

#[tokio::test]
async fn killed_in_the_middle_it_loses_and_doubles_nothing() {
    let mut stack = stack_with_a_user().await;
    stack.start("feed").await;
    let mut posts = Vec::new();
    for round in 0..3 {
        for _ in 0..20 {
            let id = Uuid::now_v7();
            post_event(&stack, id, 7, 1, &json!({})).await;
            posts.push(id);
        }
        if round < 2 {
            stack.kill("feed").await;
            stack.start("feed").await;
        }
    }
    posts.reverse();
    wait_for_ids(&stack, "/v1/feed/users/7?limit=100", &posts).await;
    wait_for_ids(&stack, "/v1/feed/global?limit=100", &posts).await;
}

#[tokio::test]
async fn a_redis_restored_from_an_older_copy_catches_up_and_tells_its_streams() {
    let mut stack = stack_with_a_user().await;
    stack.start("feed").await;
    let posts: Vec<_> = (0..4).map(|_| Uuid::now_v7()).collect();
    let post = async |stack: &Stack, index: usize| post_event(stack, posts[index], 7, 1, &json!({})).await;
    let newest_first = |count: usize| posts[..count].iter().rev().copied().collect::<Vec<_>>();
    let (http, url) =
        (tracklore_testkit::http(), format!("{}/v1/feed/stream?scope=global", stack.public_url("feed")));
    // right after the start, streams are 503 until the log has been looked at
    let open = async || http.get(&url).send().await.ok().filter(|answer| answer.status() == 200);
    let mut stream = eventually("the stream opens", open).await;
    let mut told = String::new();
    let mut wait_for = async |what: &str| {
        while !told.contains(what) {
            let piece = tokio::time::timeout(std::time::Duration::from_mins(1), stream.chunk()).await;
            told.push_str(std::str::from_utf8(&piece.unwrap().unwrap().unwrap()).unwrap());
        }
        std::mem::take(&mut told)
    };

    post(&stack, 0).await;
    wait_for_ids(&stack, "/v1/feed/global", &newest_first(1)).await;
    let mut redis = stack.redis().await;
    let older = redis.copy().await;
    for index in [1, 2] {
        post(&stack, index).await;
    }
    wait_for_ids(&stack, "/v1/feed/global", &newest_first(3)).await;
    wait_for(&posts[2].to_string()).await;

    redis.restore(&older).await;
    wait_for_ids(&stack, "/v1/feed/global", &newest_first(3)).await;
    // nothing is told a second time before the stream says that it begins anew
    let before = wait_for("event: reset\n").await;
    let (before, _) = before.split_once("event: reset\n").unwrap();
    assert!(!before.contains("event: activity"), "{before}");
    post(&stack, 3).await;
    wait_for(&posts[3].to_string()).await;
    wait_for_ids(&stack, "/v1/feed/global", &newest_first(4)).await;
}
