//! Accounts that are deleted.

use serde_json::{Value, json};
use tracklore_testkit::eventually;

use crate::support::{at, count, delete_account, events_of, stack, text, write};

#[tokio::test]
async fn a_deleted_users_posts_go_with_everything_about_them_and_each_is_told() {
    let stack = stack().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let kept = write(&stack, &bob, text("bob's")).await;
    let post = write(&stack, &ada, text("One")).await;
    drop(ada.patch(&stack, "posts", &at(&post), &text("Two")).await.expect(200));
    let keyed =
        ada.request(&stack, reqwest::Method::POST, "posts", "/v1/posts").header("idempotency-key", "k");
    drop(tracklore_testkit::Answer::of(keyed.json(&text("Keyed"))).await.expect(201));
    sqlx::query(
        "INSERT INTO posts SELECT gen_random_uuid(), $1, 'x', '{}', 'followers', NULL, 1, now(), now() \
         FROM generate_series(1, 250)",
    )
    .bind(ada.id)
    .execute(&stack.database("posts"))
    .await
    .unwrap();

    delete_account(&stack, ada.id).await;
    eventually("all are gone", async || {
        (count(&stack, "SELECT count(*) FROM posts").await == 1).then_some(())
    })
    .await;
    drop(stack.get("posts", &at(&post)).await.expect(404));
    drop(stack.get("posts", &at(&kept)).await.expect(200));
    assert_eq!(count(&stack, "SELECT count(*) FROM revisions").await, 0);
    eventually("the kept answers too", async || {
        (count(&stack, "SELECT count(*) FROM idempotency_keys").await == 0).then_some(())
    })
    .await;
    let last =
        eventually("its end is told", async || events_of(&stack, &post).await.into_iter().nth(2)).await;
    assert_eq!(
        last.payload::<Value>().unwrap(),
        json!({"id": post["id"], "author_id": ada.id, "visibility": "public", "reason": "user-deleted", "version": 3})
    );
    eventually("every end is told", async || {
        let ends = stack.records("posts-events").await;
        let ends = ends.iter().filter(|record| record.header("ce_type") == Some("tracklore.post.deleted.v1"));
        (ends.count() == 252).then_some(())
    })
    .await;

    // the token is good for a few minutes more
    let late = ada.post(&stack, "posts", "/v1/posts", &text("Late")).await.expect(401);
    assert_eq!(late.code(), "invalid-token");
    assert!(!late.header("www-authenticate").is_empty());
}

#[tokio::test]
async fn what_the_user_left_among_the_dead_letters_goes_too() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    stack.write_record("profile-events", &format!("{}:5", ada.id), &[], Some(b"broken")).await;
    stack.write_record("profile-events", "6:5", &[], Some(b"broken")).await;
    let letters = async || stack.records("profile-events.posts.dlq").await;
    eventually("both are buried", async || (letters().await.len() == 2).then_some(())).await;
    delete_account(&stack, ada.id).await;
    // long ago, so that no request of that time can still be under way
    eventually("the deletion is noticed", async || {
        let statement = "UPDATE deleted_users SET noticed_at = now() - interval '2 minutes'";
        let changed = sqlx::query(statement).execute(&stack.database("posts")).await.unwrap();
        (changed.rows_affected() == 1).then_some(())
    })
    .await;
    let gone = eventually("one is taken back", async || letters().await.into_iter().nth(2)).await;
    assert!(gone.value.is_none());
    eventually("the user is done with", async || {
        let left = "SELECT count(*) FROM deleted_users WHERE purged_at IS NULL";
        (count(&stack, left).await == 0).then_some(())
    })
    .await;
    let (ok, list) = stack.run("posts", &["dlq", "list"]).await;
    assert!(ok && list.lines().count() == 1 && list.contains("profile-events/"), "{list}");
}
