//! Two replicas side by side.

use std::collections::BTreeSet;

use tracklore_testkit::{eventually, eventually_within};

use crate::support::{count, follow, stack, text};

const WAITING: &str = "SELECT count(*) FROM outbox WHERE published_at IS NULL";

#[tokio::test]
async fn two_replicas_sweep_each_post_once() {
    let mut stack = stack().await;
    stack.start_replica("posts-2").await;
    let pool = stack.database("posts");
    sqlx::query(
        "INSERT INTO posts SELECT gen_random_uuid(), 1, 'x', '{}', 'public', now(), 1, now(), now() \
         FROM generate_series(1, 2000)",
    )
    .execute(&pool)
    .await
    .unwrap();
    eventually("all are told", async || {
        let left = count(&stack, "SELECT count(*) FROM posts").await + count(&stack, WAITING).await;
        (left == 0).then_some(())
    })
    .await;
    let records = stack.records("posts-events").await;
    let keys: BTreeSet<_> = records.iter().map(|record| &record.key).collect();
    assert_eq!((records.len(), keys.len()), (2000, 2000));
}

#[tokio::test]
async fn a_killed_relay_is_replaced_within_two_seconds() {
    let mut stack = stack().await;
    let ada = stack.sign_up("ada").await;
    stack.start_replica("posts-2").await;
    let pool = stack.database("posts");
    // many writers at the first replica, whose relay is woken by each of them, and the end of it in the middle
    let writers: Vec<_> = (0..100)
        .map(|n| {
            let request =
                ada.request(&stack, reqwest::Method::POST, "posts", "/v1/posts").json(&text(&n.to_string()));
            tokio::spawn(async move { drop(request.send().await) })
        })
        .collect();
    eventually("some are written", async || {
        (count(&stack, "SELECT count(*) FROM posts").await >= 20).then_some(())
    })
    .await;
    stack.kill("posts").await;
    let killed: tracklore_platform::time::Timestamp =
        sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&pool).await.unwrap();
    for writer in writers {
        writer.await.unwrap();
    }
    // nothing wakes the second one; one more row for it, in case the first had sent all
    sqlx::query(
        "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload, headers) \
         VALUES ('post', 'x', 'x', '{}', '{}')",
    )
    .execute(&pool)
    .await
    .unwrap();
    eventually_within(std::time::Duration::from_secs(10), "nothing waits", async || {
        (count(&stack, WAITING).await == 0).then_some(())
    })
    .await;
    let last: f64 = sqlx::query_scalar(
        "SELECT extract(epoch FROM max(published_at) - $1)::float8 FROM outbox WHERE published_at IS NOT NULL",
    )
    .bind(killed)
    .fetch_one(&pool)
    .await
    .unwrap();
    println!("taken over {last:.3} s after the kill");
    assert!(last <= 2.0, "{last}");
}

#[tokio::test]
async fn a_consumer_that_goes_leaves_its_partitions_to_the_other_and_nothing_is_skipped() {
    let mut stack = stack().await;
    stack.start_replica("posts-2").await;
    let known = "SELECT count(*) FROM follows WHERE sequence = 2";
    for n in 1..=20 {
        follow(&stack, (n, 1000), true, 1).await;
    }
    stack.stop("posts").await;
    for n in 1..=20 {
        follow(&stack, (n, 1000), false, 2).await;
    }
    eventually("the other one has taken them all in", async || {
        (count(&stack, known).await == 20).then_some(())
    })
    .await;
    assert_eq!(count(&stack, "SELECT count(*) FROM follows").await, 20);
    assert!(stack.records("profile-events.posts.dlq").await.is_empty());
}
