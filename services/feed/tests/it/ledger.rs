//! The ledger, with processes: two replicas of posts and of feed, which are killed in the middle of what they do, a Redis
//! that loses what it had, and partitions that grow.
//!
//! With `DELIBERATE_BUG` set, and services built with the features `deliberate-bugs`, the services have that bug, and the
//! ledger must show it (`make deliberate-bugs`).

use std::{collections::BTreeSet, time::Duration};

use tracklore_feed::redis::Redis;
use tracklore_testkit::{
    Stack, eventually,
    ledger::{Ledger, Plan, Run},
};

use crate::{
    events::empty_stack,
    healing::{copy, restore},
};

const PLAN: Plan = Plan { pause: Duration::from_millis(2), updates: 3, deletes: 1 };
const WRITERS: usize = 8;
/// Acknowledged writes between two faults.
const BETWEEN: usize = 60;
/// How long everything may take to arrive after the last write.
const PATIENCE: Duration = Duration::from_mins(1);

/// Two replicas of posts and of feed, and people who write through one or the other.
async fn open(bug: Option<&str>) -> (Stack, Run) {
    open_at(bug, ["0"; 2]).await
}

/// The same with clocks of the second replicas of posts and of feed that are so many milliseconds ahead.
async fn open_at(bug: Option<&str>, clocks: [&str; 2]) -> (Stack, Run) {
    let mut stack = empty_stack().await;
    if let Some(bug) = bug {
        stack.set("DELIBERATE_BUG", bug);
    }
    for service in ["auth", "user", "posts", "feed"] {
        stack.start(service).await;
    }
    for (replica, clock) in ["posts-2", "feed-2"].into_iter().zip(clocks) {
        stack.set("DELIBERATE_CLOCK", clock);
        stack.start_replica(replica).await;
    }
    stack.unset("DELIBERATE_CLOCK");
    let mut logins = Vec::new();
    for number in 0..WRITERS {
        logins.push((&stack.sign_up(&format!("writer{number}")).await).into());
    }
    let doors = [stack.door("posts", "feed"), stack.door("posts-2", "feed-2")];
    let run = Run::open(&doors, logins).await;
    (stack, run)
}

/// How often replicas are killed: four times, one after the other, or as often as `LEDGER_KILLS` says.
fn kills() -> usize {
    std::env::var("LEDGER_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(4)
}

async fn written(ledger: &Ledger, more: usize) {
    Run::acknowledged(ledger, ledger.acknowledged(), more).await;
}

#[tokio::test]
async fn nothing_is_lost_doubled_or_reordered_while_replicas_are_killed() {
    let bug = std::env::var("DELIBERATE_BUG").ok();
    let (mut stack, mut run) = open(bug.as_deref()).await;
    let stack = run
        .meanwhile(PLAN, async move |ledger| {
            for replica in ["feed", "posts", "feed-2", "posts-2"].repeat(kills() / 4) {
                written(ledger, BETWEEN).await;
                let in_flight = ledger.in_flight();
                stack.kill(replica).await;
                println!("{replica} killed with {in_flight} writes in flight");
                stack.start(replica).await;
            }
            written(ledger, BETWEEN).await;
            stack
        })
        .await;
    // what a bug has done doesn't heal
    let patience = if bug.is_some() { PATIENCE / 4 } else { PATIENCE };
    let harm = run.settle(patience, async || Some(stack.found().await)).await;
    println!("{} writes acknowledged, {} records sent again", run.ledger().acknowledged(), harm.resent);
    println!("{} lost, {} doubled, {} reordered", harm.lost.len(), harm.doubled.len(), harm.reordered.len());
    println!("{}", harm.examples());
    assert_eq!(harm.is_none(), bug.is_none(), "{bug:?}: {}", harm.examples());
}

#[tokio::test]
async fn clocks_that_are_apart_change_nothing() {
    // nearly as far as tokens forgive; each of the two is the only one for a while
    let (mut stack, mut run) = open_at(None, ["4000", "-4000"]).await;
    let stack = run
        .meanwhile(PLAN, async move |ledger| {
            for replica in ["feed", "posts"] {
                written(ledger, BETWEEN).await;
                stack.kill(replica).await;
                written(ledger, BETWEEN).await;
                stack.start(replica).await;
            }
            written(ledger, BETWEEN).await;
            stack
        })
        .await;
    let harm = run.settle(PATIENCE, async || Some(stack.found().await)).await;
    assert!(harm.is_none(), "{}", harm.examples());
}

#[tokio::test]
async fn partitions_grow_under_load_and_every_post_keeps_its_order() {
    let (stack, mut run) = open(None).await;
    let stack = run
        .meanwhile(PLAN, async move |ledger| {
            written(ledger, BETWEEN).await;
            stack.grow("posts-events", 6).await;
            // the services notice by themselves
            eventually("all partitions are written to", async || {
                let records = stack.records("posts-events").await;
                let partitions: BTreeSet<_> = records.iter().map(|record| record.partition).collect();
                (partitions.len() == 6).then_some(())
            })
            .await;
            written(ledger, BETWEEN).await;
            stack
        })
        .await;
    let harm = run.settle(PATIENCE, async || Some(stack.found().await)).await;
    assert!(harm.is_none(), "{}", harm.examples());
}

#[tokio::test]
async fn a_redis_that_is_emptied_or_goes_back_while_people_write_loses_and_doubles_nothing() {
    let (stack, mut run) = open(None).await;
    let redis = Redis::new(stack.redis_url()).unwrap();
    run.meanwhile(PLAN, async |ledger| {
        written(ledger, BETWEEN).await;
        let older = copy(&redis).await;
        written(ledger, BETWEEN).await;
        restore(&redis, &older).await;
        written(ledger, BETWEEN).await;
        redis.send(&redis::cmd("FLUSHDB")).await.unwrap();
        written(ledger, BETWEEN).await;
    })
    .await;
    let harm = run.settle(PATIENCE, async || Some(stack.found().await)).await;
    assert!(harm.is_none(), "{}", harm.examples());
}
