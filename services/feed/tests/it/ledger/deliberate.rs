//! What needs services built with the feature `deliberate-bugs`: clocks that are apart, and bugs made on purpose, each of which
//! the ledger must show. `make deliberate-bugs` plays them.

use std::time::Duration;

use tracklore_testkit::ledger::{Harm, Plan};

use super::{PLAN, REPLICAS, harm_of_kills};
use crate::events::empty_stack;

/// Enough that one of them hits the moment that a bug leaves open.
const KILLS: usize = 3 * REPLICAS.len();

/// What a bug does while replicas are killed.
async fn harm_with(bug: &str, plan: Plan) -> Harm {
    let mut stack = empty_stack().await;
    stack.set("DELIBERATE_BUG", bug);
    println!("== {bug}");
    harm_of_kills(stack, plan, KILLS).await
}

#[tokio::test]
async fn a_feed_that_stores_the_offset_before_the_effect_is_seen_to_lose_posts() {
    // so few and short-lived posts that lists show all there are to the end: what has fallen out of them shows no harm
    let plan = Plan { pause: Duration::from_millis(100), updates: 1, deletes: 4 };
    assert!(!harm_with("offset-before-effect", plan).await.lost.is_empty());
}

#[tokio::test]
async fn posts_that_are_published_before_they_are_committed_are_seen_to_be_doubled() {
    assert!(!harm_with("publish-before-commit", PLAN).await.doubled.is_empty());
}

#[tokio::test]
async fn a_relay_that_reads_past_a_cursor_is_seen_to_lose_posts() {
    assert!(!harm_with("cursor", PLAN).await.lost.is_empty());
}

#[tokio::test]
async fn clocks_that_are_apart_change_nothing() {
    let mut stack = empty_stack().await;
    // nearly as far as tokens forgive
    for (replica, ahead) in [("posts-2", "4000"), ("feed-2", "-4000")] {
        stack.set_for(replica, "DELIBERATE_CLOCK", ahead);
    }
    let harm = harm_of_kills(stack, PLAN, REPLICAS.len()).await;
    assert!(harm.is_none(), "{}", harm.examples());
}
