//! The first page of what everybody did, as the service has it at hand.

use std::time::{Duration, Instant};

use serde_json::json;
use tracklore_platform::time::Timestamp;
use tracklore_testkit::Stack;
use uuid::Uuid;

use crate::{
    events::{empty_stack, post_event, profile_event, shown_ids, user_event, wait_for_ids},
    neighbour::{Neighbour, profiles},
};

const PATH: &str = "/v1/feed/global";

/// How often Redis was asked for a page of a list.
async fn pages_read(stack: &Stack) -> u64 {
    let metrics = stack.metrics("feed").await;
    let name = "db_client_operation_duration_seconds_count";
    let lines = metrics.lines().filter(|line| line.starts_with(name) && line.contains("\"page\""));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
}

#[tokio::test]
async fn redis_is_asked_once_in_a_moment_a_change_shows_and_an_expired_post_does_not() {
    let mut stack = empty_stack().await;
    Neighbour::new(&mut stack).await.knows(profiles(&[(7, "Ada")]));
    stack.start("feed").await;
    user_event(&stack, 7, 1, "created").await;
    profile_event(&stack, 7, 1, "Ada").await;
    let stays = Uuid::now_v7();
    post_event(&stack, stays, 7, 1, &json!({})).await;
    wait_for_ids(&stack, PATH, &[stays]).await;

    let (before, began) = (pages_read(&stack).await, Instant::now());
    for _ in 0..100 {
        stack.get("feed", PATH).await.expect(200);
    }
    let moments = 2 + u64::try_from(began.elapsed().as_millis() / 250).unwrap();
    let read = pages_read(&stack).await - before;
    assert!(read <= moments, "{read} times in {moments} moments");

    let (goes, expires_at) = (Uuid::now_v7(), Timestamp::now().plus(Duration::from_millis(2_500)));
    post_event(&stack, goes, 7, 1, &json!({"expires_at": expires_at})).await;
    wait_for_ids(&stack, PATH, &[goes, stays]).await;
    loop {
        let asked_at = Timestamp::now();
        let ids = shown_ids(&stack.get("feed", PATH).await);
        if asked_at >= expires_at {
            assert_eq!(ids, [stays]);
            return;
        }
        assert!(ids.contains(&stays));
    }
}
