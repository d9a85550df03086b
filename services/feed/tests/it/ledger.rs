//! The ledger, with processes: two replicas of posts and of feed, which are killed in the middle of what they do, a Redis
//! that loses what it had, and partitions that grow.

#[cfg(feature = "deliberate-bugs")]
mod deliberate;

use std::{collections::BTreeSet, time::Duration};

use tracklore_testkit::{
    Stack, eventually_within,
    ledger::{Harm, Ledger, Plan, Run},
};

use crate::events::empty_stack;

const PLAN: Plan = Plan { pause: Duration::from_millis(50), updates: 3, deletes: 1 };
const WRITERS: usize = 8;
/// Acknowledged writes between two faults.
const BETWEEN: usize = 60;
/// For how long nothing may change while something is wrong after the last write.
const PATIENCE: Duration = Duration::from_mins(1);
/// One of them is killed after the other.
const REPLICAS: [&str; 4] = ["feed", "posts", "feed-2", "posts-2"];

/// Two replicas of posts and of feed, with the settings that `stack` has, and people who write through one or the other.
async fn open(mut stack: Stack) -> (Stack, Run) {
    for service in ["auth", "user", "posts", "feed"] {
        stack.start(service).await;
    }
    for replica in ["posts-2", "feed-2"] {
        stack.start_replica(replica).await;
    }
    let mut logins = Vec::new();
    for number in 0..WRITERS {
        logins.push((&stack.sign_up(&format!("writer{number}")).await).into());
    }
    let doors = [stack.door("posts", "feed"), stack.door("posts-2", "feed-2")];
    let run = Run::open(&doors, logins).await;
    (stack, run)
}

async fn written(ledger: &Ledger, more: usize) {
    Run::acknowledged(ledger, ledger.acknowledged(), more).await;
}

/// What is wrong after so many kills while people wrote to the services of `stack`.
async fn harm_of_kills(stack: Stack, plan: Plan, kills: usize) -> Harm {
    let (mut stack, mut run) = open(stack).await;
    let stack = run
        .meanwhile(plan, async move |ledger| {
            for replica in REPLICAS.into_iter().cycle().take(kills) {
                written(ledger, BETWEEN).await;
                let in_flight = in_the_middle(&stack, replica, ledger).await;
                stack.kill(replica).await;
                println!("{replica} killed with {in_flight} writes in flight");
                // for a while the other one is the only one
                written(ledger, BETWEEN).await;
                stack.start(replica).await;
            }
            written(ledger, BETWEEN).await;
            stack
        })
        .await;
    let harm = harm_in(&stack, &run).await;
    for feed in ["feed", "feed-2"] {
        let log = stack.log(feed);
        let mut said = log.iter().filter_map(|line| line["message"].as_str());
        assert!(
            !said.any(|line| line.starts_with("Redis has lost")),
            "Redis was left alone, {feed} says not"
        );
    }
    println!("{} writes acknowledged, {} records sent again", run.ledger().acknowledged(), harm.resent);
    println!("{} lost, {} doubled, {} reordered", harm.lost.len(), harm.doubled.len(), harm.reordered.len());
    println!("{}", harm.examples());
    harm
}

/// Waits until a replica is at work, so that a kill hits it there: a feed has posts to apply only once its group has dropped
/// the one that was killed before. How many writes are in flight.
async fn in_the_middle(stack: &Stack, replica: &str, ledger: &Ledger) -> usize {
    let applied = format!(
        "messaging_client_consumed_messages_total{{messaging_destination_name=\"{}posts-events\"}}",
        stack.topic_prefix()
    );
    eventually_within(PATIENCE, &format!("{replica} is at work"), async || {
        (!replica.starts_with("feed") || stack.metrics(replica).await.contains(&applied)).then_some(())
    })
    .await;
    Run::in_the_middle(ledger).await
}

/// What is wrong once nothing changes.
async fn harm_in(stack: &Stack, run: &Run) -> Harm {
    run.settle(PATIENCE, async || Some(stack.found().await)).await
}

/// As often as `LEDGER_KILLS` says.
#[tokio::test]
async fn nothing_is_lost_doubled_or_reordered_while_replicas_are_killed() {
    let kills = std::env::var("LEDGER_KILLS").ok().and_then(|kills| kills.parse().ok());
    let harm = harm_of_kills(empty_stack().await, PLAN, kills.unwrap_or(REPLICAS.len())).await;
    assert!(harm.is_none(), "{}", harm.examples());
}

#[tokio::test]
async fn partitions_grow_under_load_and_every_post_keeps_its_order() {
    let (stack, mut run) = open(empty_stack().await).await;
    run.meanwhile(PLAN, async |ledger| {
        written(ledger, BETWEEN).await;
        stack.grow("posts-events", 6).await;
        // the services notice by themselves
        eventually_within(PATIENCE, "all partitions are written to", async || {
            let records = stack.records("posts-events").await;
            let partitions: BTreeSet<_> = records.iter().map(|record| record.partition).collect();
            (partitions.len() == 6).then_some(())
        })
        .await;
        written(ledger, BETWEEN).await;
    })
    .await;
    let harm = harm_in(&stack, &run).await;
    assert!(harm.is_none(), "{}", harm.examples());
}

#[tokio::test]
async fn a_redis_that_is_emptied_or_goes_back_while_people_write_loses_and_doubles_nothing() {
    let (stack, mut run) = open(empty_stack().await).await;
    let mut redis = stack.redis().await;
    run.meanwhile(PLAN, async |ledger| {
        written(ledger, BETWEEN).await;
        let older = redis.copy().await;
        written(ledger, BETWEEN).await;
        redis.restore(&older).await;
        written(ledger, BETWEEN).await;
        redis.empty().await;
        written(ledger, BETWEEN).await;
    })
    .await;
    let harm = harm_in(&stack, &run).await;
    assert!(harm.is_none(), "{}", harm.examples());
}
