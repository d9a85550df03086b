//! Follows: what events make of them, in whatever order they come, and what followers then see.

use std::collections::BTreeMap;

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;
use tracklore_posts::store::{self, Follow};
use tracklore_testkit::{Account, Stack, eventually};

use crate::support::{at, delete_account, follow, stack, write};

async fn becomes(stack: &Stack, who: &Account, path: &str, status: u16) {
    eventually(&format!("{path} answers {status}"), async || {
        (who.get(stack, "posts", path).await.status == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_follower_sees_posts_for_followers_on_every_path_until_the_follow_ends() {
    let stack = stack().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let body = json!({"text": "b", "attributes": {"k": 1}, "visibility": "followers"});
    let post = write(&stack, &ada, body).await;
    drop(ada.patch(&stack, "posts", &at(&post), &json!({"text": "c"})).await.expect(200));
    let id = post["id"].as_str().unwrap();
    let lists = [
        format!("/v1/posts?ids={id}"),
        format!("/v1/posts?author_id={}", ada.id),
        "/v1/posts?attributes.k=1".to_owned(),
        format!("/v1/posts?attributes.k=1&author_id={}", ada.id),
    ];
    let sees = async |expected: bool| {
        for path in &lists {
            let list = bob.get(&stack, "posts", path).await.expect(200).json;
            assert_eq!(list["items"].as_array().unwrap().len(), usize::from(expected), "{path}");
        }
        let revisions = format!("{}/revisions", at(&post));
        drop(bob.get(&stack, "posts", &revisions).await.expect(if expected { 200 } else { 404 }));
        let delete = bob.delete(&stack, "posts", &at(&post)).await;
        drop(delete.expect(if expected { 403 } else { 404 }));
    };
    sees(false).await;
    // following is one way: that ada follows bob shows bob nothing
    follow(&stack, (ada.id, bob.id), true, 1).await;
    follow(&stack, (bob.id, ada.id), true, 1).await;
    becomes(&stack, &bob, &at(&post), 200).await;
    sees(true).await;
    follow(&stack, (bob.id, ada.id), false, 2).await;
    becomes(&stack, &bob, &at(&post), 404).await;
    sees(false).await;
    // late and repeated events of earlier times change nothing; a newer one does
    follow(&stack, (bob.id, ada.id), true, 1).await;
    follow(&stack, (bob.id, ada.id), false, 2).await;
    follow(&stack, (bob.id, ada.id), true, 3).await;
    becomes(&stack, &bob, &at(&post), 200).await;
}

#[tokio::test]
async fn whoever_is_deleted_follows_nobody_and_late_events_do_not_bring_it_back() {
    let stack = stack().await;
    let pool = stack.database("posts");
    follow(&stack, (7, 8), true, 1).await;
    follow(&stack, (9, 7), true, 1).await;
    let rows = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM follows").fetch_one(&pool).await.unwrap()
    };
    eventually("both are known", async || (rows().await == 2).then_some(())).await;
    delete_account(&stack, 7).await;
    eventually("both are gone", async || (rows().await == 0).then_some(())).await;
    let late = Follow {
        follower: 7.try_into().unwrap(),
        followee: 8.try_into().unwrap(),
        following: true,
        sequence: 9,
    };
    store::learn(&pool, late).await.unwrap();
    assert_eq!(rows().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_whatever_order_events_come_the_newest_of_each_pair_counts() {
    let stack = stack().await;
    let pool = stack.database("posts");
    // events of three users' pairs, each sequence with one meaning, shuffled and repeated
    let events = prop::collection::vec((1_i64..4, 1_i64..4, 1_i64..6), 1..25).prop_shuffle();
    let meaning = |a: i64, b: i64, sequence: i64| (a + b + sequence) % 2 == 0;
    let mut runner = TestRunner::new(ProptestConfig { cases: 60, ..ProptestConfig::default() });
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        runner.run(&events, |events| {
            let mut model = BTreeMap::new();
            handle.block_on(async {
                sqlx::query("DELETE FROM follows").execute(&pool).await.unwrap();
                for &(a, b, sequence) in &events {
                    let following = meaning(a, b, sequence);
                    let follow = Follow {
                        follower: a.try_into().unwrap(),
                        followee: b.try_into().unwrap(),
                        following,
                        sequence,
                    };
                    store::learn(&pool, follow).await.unwrap();
                    let newest = model.entry((a, b)).or_insert((sequence, following));
                    *newest = (*newest).max((sequence, following));
                }
            });
            let stored: Vec<(i64, i64, i64, bool)> = handle.block_on(async {
                let statement =
                    "SELECT follower_id, followee_id, sequence, following FROM follows ORDER BY 1, 2";
                sqlx::query_as(statement).fetch_all(&pool).await.unwrap()
            });
            let expected: Vec<_> = model.into_iter().map(|((a, b), (s, f))| (a, b, s, f)).collect();
            prop_assert_eq!(stored, expected);
            Ok(())
        })
    })
    .unwrap();
}
