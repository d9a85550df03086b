//! What events don't tell (any more) comes from the posts service: of a running service and its rebuild.

use serde_json::{Value, json};
use tracklore_feed::redis::Redis;
use tracklore_testkit::{Stack, eventually};
use uuid::Uuid;

use crate::{
    events::{empty_stack, post, post_event, profile_event, shown_ids, user_event, wait_for_ids},
    neighbour::{Knowledge, Neighbour},
};

/// Posts of user 7, newest first.
fn posts(count: usize) -> (Vec<Uuid>, Vec<Value>) {
    let mut ids: Vec<_> = (0..count).map(|_| Uuid::now_v7()).collect();
    ids.reverse();
    let posts = ids.iter().map(|id| post(*id, 7, 1, &json!({}))).collect();
    (ids, posts)
}

async fn stack_with_a_user() -> (Stack, Knowledge) {
    let mut stack = empty_stack().await;
    let neighbour = Neighbour::new(&mut stack).await;
    let profiles = json!([{"id": 7, "username": "ada", "display_name": null, "avatar_url": null}]);
    (stack, neighbour.knows(profiles))
}

/// All ids of a list, page by page.
async fn whole(stack: &Stack, path: &str) -> Vec<Uuid> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stack.get("feed", &format!("{path}?limit=100{cursor}")).await.expect(200);
        ids.extend(shown_ids(&page));
        match page.json["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[tokio::test]
async fn posts_that_kafka_has_forgotten_come_back_by_themselves() {
    let (mut stack, knowledge) = stack_with_a_user().await;
    let (ids, all) = posts(1_300);
    knowledge.posts(all);
    stack.start("feed").await;
    wait_for_ids(&stack, "/v1/feed/global?limit=3", &ids[..3]).await;
    eventually("the global list is whole", async || {
        (whole(&stack, "/v1/feed/global").await == ids[..1_000]).then_some(())
    })
    .await;
    assert_eq!(whole(&stack, "/v1/feed/users/7").await, ids[..100]);
    // and again when Redis has lost all
    Redis::new(stack.redis_url()).unwrap().send(&redis::cmd("FLUSHDB")).await.unwrap();
    eventually("the global list is whole again", async || {
        let page = stack.get("feed", "/v1/feed/global?limit=100").await;
        (page.status == 200 && shown_ids(&page) == ids[..100] && page.header("x-feed-state").is_empty())
            .then_some(())
    })
    .await;
    assert_eq!(whole(&stack, "/v1/feed/global").await, ids[..1_000]);
    assert_eq!(whole(&stack, "/v1/feed/users/7").await, ids[..100]);
}

#[tokio::test]
async fn when_more_is_deleted_than_is_kept_older_posts_come_back() {
    let (mut stack, knowledge) = stack_with_a_user().await;
    let (ids, mut all) = posts(350);
    knowledge.posts(all.clone());
    stack.start("feed").await;
    eventually("the list is whole", async || {
        (whole(&stack, "/v1/feed/users/7").await == ids[..100]).then_some(())
    })
    .await;
    // keeps 200: after 150 deletions it has 50, and shows 100
    let deleted: Vec<_> = all.drain(..150).collect();
    knowledge.posts(all);
    for id in deleted.iter().map(|post| post["id"].as_str().unwrap().parse().unwrap()) {
        post_event(&stack, id, 7, 2, &json!({"reason": "deleted"})).await;
    }
    eventually("older ones have come back", async || {
        (whole(&stack, "/v1/feed/users/7").await == ids[150..250]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn while_posts_are_away_what_is_known_is_shown_and_it_is_said() {
    let mut stack = empty_stack().await;
    stack.start("feed").await;
    user_event(&stack, 7, 1, "created").await;
    profile_event(&stack, 7, 1, "Ada").await;
    let id = Uuid::now_v7();
    post_event(&stack, id, 7, 1, &json!({})).await;
    let page = wait_for_ids(&stack, "/v1/feed/users/7", &[id]).await;
    assert_eq!(page.header("x-feed-state"), "catching-up");
}

#[tokio::test]
async fn a_rebuilt_feed_is_the_same_and_takes_the_place_of_a_wrong_one_at_once() {
    let (mut stack, knowledge) = stack_with_a_user().await;
    stack.start("feed").await;
    user_event(&stack, 7, 1, "created").await;
    profile_event(&stack, 7, 1, "Ada").await;
    let (ids, all) = posts(5);
    knowledge.posts(all);
    for id in ids.iter().rev() {
        post_event(&stack, *id, 7, 1, &json!({})).await;
    }
    // what events say of the author comes beside the posts; until then it is what the neighbour says
    let before = eventually("the author is shown as events say", async || {
        let page = wait_for_ids(&stack, "/v1/feed/global", &ids).await;
        (page.json["items"][0]["actor"]["display_name"] == "Ada").then_some(page)
    })
    .await;
    // a fault that no event mends
    let redis = Redis::new(stack.redis_url()).unwrap();
    let mut fault = redis::cmd("ZREM");
    redis.send(fault.arg("feed:activity:global").arg(ids[2].to_string())).await.unwrap();
    let without: Vec<_> = ids.iter().copied().filter(|id| *id != ids[2]).collect();
    wait_for_ids(&stack, "/v1/feed/global", &without).await;

    let (ended_well, output) = stack.run("feed", &["rebuild"]).await;
    assert!(ended_well, "{output}");
    let after = wait_for_ids(&stack, "/v1/feed/global", &ids).await;
    assert_eq!(after.json, before.json);
    assert_eq!(after.header("etag"), before.header("etag"));
    // nothing of the old one is left, and the new one goes on
    let old = redis.send(redis::cmd("EXISTS").arg("feed:activity:global").arg("feed:actor:7")).await.unwrap();
    assert_eq!(old, redis::Value::Int(0));
    let new = Uuid::now_v7();
    post_event(&stack, new, 7, 1, &json!({})).await;
    wait_for_ids(&stack, "/v1/feed/global?limit=1", &[new]).await;
}
