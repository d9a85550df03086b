//! Posts that end by themselves.

use serde_json::json;
use tracklore_testkit::eventually;

use crate::support::{at, events_of, in_millis, stack, write};

#[tokio::test]
async fn a_post_is_gone_at_its_end_everywhere_at_once_and_then_swept_away() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let end = in_millis(2000);
    let body = json!({"text": "Short", "attributes": {"k": 1}, "expires_at": end});
    let post = write(&stack, &ada, body).await;
    drop(ada.get(&stack, "posts", &at(&post)).await.expect(200));
    eventually("the end has come", async || (in_millis(0) > end).then_some(())).await;

    drop(ada.get(&stack, "posts", &at(&post)).await.expect(404));
    drop(ada.patch(&stack, "posts", &at(&post), &json!({"expires_at": null})).await.expect(404));
    drop(ada.delete(&stack, "posts", &at(&post)).await.expect(404));
    for query in [
        format!("author_id={}", ada.id),
        format!("ids={}", post["id"].as_str().unwrap()),
        "attributes.k=1".into(),
    ] {
        let list = ada.get(&stack, "posts", &format!("/v1/posts?{query}")).await.expect(200);
        assert_eq!(list.json["items"], json!([]), "{query}");
    }

    let last =
        eventually("its end is told", async || events_of(&stack, &post).await.into_iter().nth(1)).await;
    assert_eq!((last.r#type.as_str(), last.sequence), ("tracklore.post.deleted.v1", 2));
    let state: serde_json::Value = last.payload().unwrap();
    assert_eq!(
        state,
        json!({"id": post["id"], "author_id": ada.id, "visibility": "public", "reason": "expired", "version": 2})
    );
    assert!(last.occurred_at >= end);
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM posts").fetch_one(&stack.database("posts")).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn an_end_put_off_or_taken_back_counts() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let end = in_millis(2500);
    let later = write(&stack, &ada, json!({"text": "later", "expires_at": end})).await;
    let never = write(&stack, &ada, json!({"text": "never", "expires_at": end})).await;
    let witness = write(&stack, &ada, json!({"text": "witness", "expires_at": end})).await;
    let put_off = json!({"expires_at": in_millis(3_600_000)});
    drop(ada.patch(&stack, "posts", &at(&later), &put_off).await.expect(200));
    drop(ada.patch(&stack, "posts", &at(&never), &json!({"expires_at": null})).await.expect(200));
    eventually("the third is swept", async || events_of(&stack, &witness).await.into_iter().nth(1)).await;
    for post in [&later, &never] {
        drop(ada.get(&stack, "posts", &at(post)).await.expect(200));
    }
}

#[tokio::test]
async fn many_ended_posts_go_in_batches_each_with_one_event() {
    let stack = stack().await;
    let pool = stack.database("posts");
    sqlx::query(
        "INSERT INTO posts SELECT gen_random_uuid(), 1, 'x', '{}', 'public', now(), 3, now(), now() \
         FROM generate_series(1, 1050)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let left = "SELECT count(*) FROM posts";
    eventually("all are swept", async || {
        let left: i64 = sqlx::query_scalar(left).fetch_one(&pool).await.unwrap();
        (left == 0).then_some(())
    })
    .await;
    let records = eventually("all ends are told", async || {
        let records = stack.records("posts-events").await;
        (records.len() >= 1050).then_some(records)
    })
    .await;
    let keys: std::collections::BTreeSet<_> = records.iter().map(|record| &record.key).collect();
    assert_eq!((records.len(), keys.len()), (1050, 1050));
    assert!(records.iter().all(|record| record.header("ce_sequence") == Some("4")));
}
