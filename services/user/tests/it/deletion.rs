//! What a deleted account leaves here.

use serde_json::json;
use tracklore_testkit::{Account, Stack, eventually};

use crate::{
    ME, account, badges,
    follows::{counts, follow, following},
    history, history_of, ids, patch, payload, stack, tell, tell_behind, username_becomes,
};

async fn delete(stack: &Stack, gone: &Account) {
    tell(stack, "deleted", 9, &account(gone.id, &gone.username, "deleted")).await;
    let path = format!("/v1/users/{}", gone.id);
    eventually("the profile is gone", async || (stack.get("user", &path).await.status == 404).then_some(()))
        .await;
}

#[tokio::test]
async fn a_deleted_user_leaves_a_tombstone_and_nothing_else() {
    let stack = stack().await;
    let (ada, grace) = (stack.sign_up("ada").await, stack.sign_up("grace").await);
    let admin = badges::admin(&stack).await;
    drop(patch(&stack, &ada, &json!({"bio": "Engines"})).await.expect(200));
    follow(&stack, &ada, &grace).await.expect(204);
    follow(&stack, &grace, &ada).await.expect(204);
    follow(&stack, &admin, &ada).await.expect(204);
    admin.delete(&stack, "user", &following(ada.id)).await.expect(204);
    ada.put(&stack, "user", &format!("{ME}/blocks/{}", admin.id)).await.expect(204);
    ada.patch(&stack, "user", "/v1/users/me/settings", &json!({"a": 1})).await.expect(200);
    let request = ada.request(&stack, reqwest::Method::POST, "user", "/v1/users/me/goals");
    let request = request.header("idempotency-key", "k").json(&json!({"title": "G", "visibility": "public"}));
    let goal = tracklore_testkit::Answer::of(request).await.expect(201);
    let goal_path = goal.header("location").to_owned();
    ada.patch(&stack, "user", &goal_path, &json!({"status": "completed"})).await.expect(200);
    for slug in ["kept", "lost"] {
        badges::create(&stack, &admin, slug).await.expect(201);
        badges::award(&stack, &admin, ada.id, slug, "private reason").await.expect(201);
    }
    admin.delete(&stack, "user", &format!("/v1/users/{}/badges/lost", ada.id)).await.expect(204);

    delete(&stack, &ada).await;

    // the token lives a little longer than the account
    assert_eq!(ada.get(&stack, "user", ME).await.expect(401).code(), "invalid-token");
    assert_eq!(patch(&stack, &ada, &json!({"bio": "x"})).await.expect(401).code(), "invalid-token");
    ada.post(&stack, "user", "/v1/users/me/goals", &json!({"title": "x"})).await.expect(401);
    ada.put(&stack, "user", &following(grace.id)).await.expect(401);
    follow(&stack, &grace, &ada).await.expect(404);

    let database = stack.database("user");
    let (username, status): (Option<String>, String) =
        sqlx::query_as("SELECT username, status FROM auth_users WHERE id = $1")
            .bind(ada.id)
            .fetch_one(&database)
            .await
            .unwrap();
    assert_eq!((username, status.as_str()), (None, "deleted"));
    for (table, count) in [
        ("profiles", "SELECT count(*) FROM profiles WHERE user_id = $1"),
        ("follows", "SELECT count(*) FROM follows WHERE follower_id = $1 OR followee_id = $1"),
        ("follow_counts", "SELECT count(*) FROM follow_counts WHERE user_id = $1"),
        ("blocks", "SELECT count(*) FROM blocks WHERE blocker_id = $1 OR blocked_id = $1"),
        ("settings", "SELECT count(*) FROM settings WHERE user_id = $1"),
        ("goals", "SELECT count(*) FROM goals WHERE user_id = $1"),
        ("badge_awards", "SELECT count(*) FROM badge_awards WHERE user_id = $1"),
        ("idempotency_keys", "SELECT count(*) FROM idempotency_keys WHERE actor = $1"),
    ] {
        let rows: i64 = sqlx::query_scalar(count).bind(ada.id).fetch_one(&database).await.unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    assert_eq!(counts(&stack, grace.id).await, (0, 0));
    let followers = stack.get("user", &format!("/v1/users/{}/followers", grace.id)).await.expect(200).json;
    assert_eq!(ids(&followers), [0; 0]);

    // and everything that was told of them is taken back
    let own = history_of(&stack, &ada.id.to_string(), 2).await;
    let told = [("profile.updated.v1".to_owned(), 1), ("profile.deleted.v1".to_owned(), 2)];
    assert_eq!(own, told);
    for key in [format!("{}:{}", ada.id, grace.id), format!("{}:{}", grace.id, ada.id)] {
        assert_eq!(history(&stack, &key).await.last().unwrap(), &("user.unfollowed.v1".to_owned(), 2));
    }
    for slug in ["kept", "lost"] {
        let told = history(&stack, &format!("{}:{slug}", ada.id)).await;
        assert_eq!(told.last().unwrap(), &("badge.revoked.v1".to_owned(), 2), "{slug}");
    }
    let records = stack.records("profile-events").await;
    let goal_key = format!("{}:{}", ada.id, goal.json["id"].as_str().unwrap());
    let last = records.iter().rfind(|record| record.key == goal_key.as_bytes()).unwrap();
    assert!(last.value.is_none());
    let deleted =
        records.iter().find(|record| record.header("ce_type") == Some("tracklore.profile.deleted.v1"));
    assert_eq!(payload(deleted.unwrap()), json!({"id": ada.id}));
}

#[tokio::test]
async fn nothing_brings_a_deleted_user_back_and_their_end_is_told_once() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    drop(ada.get(&stack, "user", ME).await.expect(200));
    delete(&stack, &ada).await;
    let late = account(ada.id, "ada", "active");
    tell(&stack, "updated", 8, &late).await;
    tell(&stack, "deleted", 10, &account(ada.id, "ada", "deleted")).await;
    // of somebody this service has never heard of
    tell_behind(&stack, &late, "deleted", 2, &account(8, "x", "deleted")).await;
    tell_behind(&stack, &late, "created", 1, &account(ada.id + 1, "next", "active")).await;
    username_becomes(&stack, ada.id + 1, "next").await;
    stack.get("user", &format!("/v1/users/{}", ada.id)).await.expect(404);
    ada.get(&stack, "user", ME).await.expect(401);
    let told = [("profile.deleted.v1".to_owned(), 1)];
    assert_eq!(history_of(&stack, "8", 1).await, told);
    assert_eq!(history(&stack, &ada.id.to_string()).await, told);
}

#[tokio::test]
async fn two_who_follow_each_other_and_many_can_go_at_once() {
    let stack = stack().await;
    let mut people = Vec::new();
    for index in 0..4 {
        people.push(stack.sign_up(&format!("person-{index}")).await);
    }
    for follower in &people {
        for followee in people.iter().filter(|other| other.id != follower.id) {
            follow(&stack, follower, followee).await.expect(204);
        }
    }
    tokio::join!(delete(&stack, &people[0]), delete(&stack, &people[1]));
    for person in &people[2..] {
        assert_eq!(counts(&stack, person.id).await, (1, 1));
    }
}
