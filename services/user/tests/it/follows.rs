//! Following, asking to, accepting, ending.

use reqwest::Method;
use serde_json::json;
use tracklore_testkit::{Account, Answer, Stack};

use crate::{ME, history, history_of, ids, patch, stack};

pub fn following(id: i64) -> String {
    format!("{ME}/following/{id}")
}

pub async fn follow(stack: &Stack, who: &Account, whom: &Account) -> Answer {
    who.put(stack, "user", &following(whom.id)).await
}

/// Followers and followed of somebody, as the profile says.
pub async fn counts(stack: &Stack, id: i64) -> (i64, i64) {
    let profile = stack.get("user", &format!("/v1/users/{id}")).await.expect(200).json;
    (profile["followers_count"].as_i64().unwrap(), profile["following_count"].as_i64().unwrap())
}

#[tokio::test]
async fn following_and_unfollowing_shows_everywhere_and_is_told_once_each_time() {
    let stack = stack().await;
    let (ada, grace) = (stack.sign_up("ada").await, stack.sign_up("grace").await);
    follow(&stack, &ada, &grace).await.expect(204);
    follow(&stack, &ada, &grace).await.expect(204);
    assert_eq!(counts(&stack, ada.id).await, (0, 1));
    assert_eq!(counts(&stack, grace.id).await, (1, 0));
    let relation = ada.get(&stack, "user", &following(grace.id)).await.expect(200).json;
    assert_eq!(relation["state"], "following");
    let list = stack.get("user", &format!("/v1/users/{}/followers", grace.id)).await.expect(200).json;
    assert_eq!((ids(&list), list["items"][0]["following_count"].as_i64()), (vec![ada.id], Some(1)));
    let list = stack.get("user", &format!("/v1/users/{}/following", ada.id)).await.expect(200).json;
    assert_eq!(ids(&list), [grace.id]);

    for _ in 0..2 {
        ada.delete(&stack, "user", &following(grace.id)).await.expect(204);
    }
    assert_eq!((counts(&stack, ada.id).await, counts(&stack, grace.id).await), ((0, 0), (0, 0)));
    assert_eq!(ada.get(&stack, "user", &following(grace.id)).await.expect(404).code(), "not-found");
    follow(&stack, &ada, &grace).await.expect(204);

    let key = format!("{}:{}", ada.id, grace.id);
    let told = ["user.followed.v1", "user.unfollowed.v1", "user.followed.v1"];
    let told: Vec<_> = told.iter().map(|r#type| (*r#type).to_owned()).zip(1..).collect();
    assert_eq!(history_of(&stack, &key, 3).await, told);
    let record = stack.record("profile-events", |record| record.key == key.as_bytes()).await;
    let payload = crate::payload(&record);
    assert_eq!(payload["occurred_at"], record.header("ce_time").unwrap());
    assert_eq!(
        (payload["follower_id"].as_i64(), payload["followee_id"].as_i64()),
        (Some(ada.id), Some(grace.id))
    );
    assert_eq!(record.header("ce_subject"), Some(key.as_str()));
}

#[tokio::test]
async fn who_asks_for_approval_decides_on_each_request() {
    let stack = stack().await;
    let grace = stack.sign_up("grace").await;
    drop(patch(&stack, &grace, &json!({"follow_policy": "approval"})).await.expect(200));
    let (ada, eve) = (stack.sign_up("ada").await, stack.sign_up("eve").await);
    for account in [&ada, &eve, &ada] {
        follow(&stack, account, &grace).await.expect(202);
    }
    assert_eq!(counts(&stack, grace.id).await, (0, 0));
    assert_eq!(ada.get(&stack, "user", &following(grace.id)).await.expect(200).json["state"], "requested");
    let requests = "/v1/users/me/follow-requests";
    assert_eq!(ids(&grace.get(&stack, "user", requests).await.expect(200).json), [eve.id, ada.id]);
    assert_eq!(ids(&ada.get(&stack, "user", requests).await.expect(200).json), [0; 0], "each sees their own");

    for _ in 0..2 {
        grace.put(&stack, "user", &format!("{requests}/{}", ada.id)).await.expect(204);
        grace.delete(&stack, "user", &format!("{requests}/{}", eve.id)).await.expect(204);
    }
    let accepted_again = grace.put(&stack, "user", &format!("{requests}/{}", eve.id)).await;
    assert_eq!(accepted_again.expect(404).code(), "not-found");
    assert_eq!(counts(&stack, grace.id).await, (1, 0));
    assert_eq!(ids(&grace.get(&stack, "user", requests).await.expect(200).json), [0; 0]);
    follow(&stack, &ada, &grace).await.expect(204);

    // a request taken back is as if it had never been
    follow(&stack, &eve, &grace).await.expect(202);
    eve.delete(&stack, "user", &following(grace.id)).await.expect(204);
    grace.put(&stack, "user", &format!("{requests}/{}", eve.id)).await.expect(404);

    // a follower can be sent away, and must ask again
    for _ in 0..2 {
        grace.delete(&stack, "user", &format!("/v1/users/me/followers/{}", ada.id)).await.expect(204);
    }
    assert_eq!(counts(&stack, grace.id).await, (0, 0));
    follow(&stack, &ada, &grace).await.expect(202);

    let told = history_of(&stack, &format!("{}:{}", ada.id, grace.id), 2).await;
    assert_eq!(told, [("user.followed.v1".to_owned(), 1), ("user.unfollowed.v1".to_owned(), 2)]);
    assert!(history(&stack, &format!("{}:{}", eve.id, grace.id)).await.is_empty(), "a request tells nobody");
}

#[tokio::test]
async fn what_cant_be_followed_is_refused() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    for (method, path) in [
        (Method::PUT, "following"),
        (Method::DELETE, "following"),
        (Method::PUT, "follow-requests"),
        (Method::DELETE, "follow-requests"),
        (Method::DELETE, "followers"),
        (Method::PUT, "blocks"),
    ] {
        let call = |id: &str| ada.request(&stack, method.clone(), "user", &format!("{ME}/{path}/{id}"));
        let own = ada.id.to_string();
        assert_eq!(Answer::of(call(&own)).await.expect(422).code(), "not-yourself", "{method} {path}");
        for id in ["7", "0", "grace", "9007199254740992"] {
            assert_eq!(Answer::of(call(id)).await.expect(404).code(), "not-found", "{method} {path} {id}");
        }
        let anonymous = stack.request(method.clone(), "user", &format!("{ME}/{path}/7"));
        assert_eq!(Answer::of(anonymous).await.expect(401).code(), "token-missing", "{method} {path}");
    }
}

#[tokio::test]
async fn counts_are_exact_however_many_follow_and_unfollow_at_once() {
    let stack = stack().await;
    let mut people = Vec::new();
    for index in 0..5 {
        people.push(stack.sign_up(&format!("person-{index}")).await);
    }
    // everybody follows everybody, both ways at the same time, again and again; then half of it ends
    let round = async |method: &Method, keep: fn(i64, i64) -> bool| {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..2 {
            for follower in &people {
                for followee in people.iter().filter(|other| other.id != follower.id) {
                    if keep(follower.id, followee.id) {
                        calls.spawn(Answer::of(follower.request(
                            &stack,
                            method.clone(),
                            "user",
                            &following(followee.id),
                        )));
                    }
                }
            }
        }
        for answer in calls.join_all().await {
            answer.expect(204);
        }
    };
    round(&Method::PUT, |_, _| true).await;
    for person in &people {
        assert_eq!(counts(&stack, person.id).await, (4, 4));
    }
    round(&Method::DELETE, |follower, followee| follower < followee).await;
    let mut sorted: Vec<_> = people.iter().map(|person| person.id).collect();
    sorted.sort_unstable();
    for (below, id) in (0..).zip(sorted) {
        assert_eq!(counts(&stack, id).await, (4 - below, below), "those who came later still follow");
        let followers = stack.get("user", &format!("/v1/users/{id}/followers")).await.expect(200).json;
        assert_eq!(i64::try_from(ids(&followers).len()), Ok(4 - below));
    }
}
