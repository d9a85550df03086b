//! The consumer that all services share, seen through this one.

use std::time::Duration;

use serde_json::json;
use tracklore_testkit::{eventually, eventually_within};

use crate::support::{count, follow, stack, tell};

#[tokio::test]
async fn what_cannot_be_applied_now_holds_up_its_own_partition_alone_and_is_applied_later() {
    let stack = stack().await;
    let pool = stack.database("posts");
    // nobody else can say anything of this pair until the transaction ends
    let mut held = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO follows VALUES (7, 8, true, 1)").execute(&mut *held).await.unwrap();
    // more than is fetched ahead of a partition
    let long = json!({"follower_id": 7, "followee_id": 8, "padding": "x".repeat(20_000)});
    for sequence in 2..=150 {
        tell(&stack, "profile-events", "user.followed", "7:8", sequence, &long).await;
    }
    for n in 1..=10 {
        follow(&stack, (n, 1000), true, 1).await;
    }
    let others = "SELECT count(*) FROM follows WHERE followee_id = 1000";
    eventually("the other partition goes on", async || (count(&stack, others).await > 0).then_some(())).await;
    held.rollback().await.unwrap();
    let all = "SELECT count(*) FROM follows WHERE followee_id = 1000 OR sequence = 150";
    eventually("everything is applied", async || (count(&stack, all).await == 11).then_some(())).await;
    assert!(stack.records("profile-events.posts.dlq").await.is_empty());
}

#[tokio::test]
async fn partitions_may_be_added_while_events_come() {
    let stack = stack().await;
    for n in 1..=20 {
        follow(&stack, (n, 1000), true, 1).await;
    }
    stack.grow("profile-events", 6).await;
    for n in 1..=20 {
        follow(&stack, (n, 1000), false, 2).await;
    }
    let known = "SELECT count(*) FROM follows WHERE sequence = 2 AND NOT following";
    let patience = Duration::from_mins(1);
    eventually_within(patience, "all is known", async || (count(&stack, known).await == 20).then_some(()))
        .await;
    let partitions: std::collections::BTreeSet<_> =
        stack.records("profile-events").await.iter().map(|record| record.partition).collect();
    assert!(partitions.len() > 2, "{partitions:?}");
}
