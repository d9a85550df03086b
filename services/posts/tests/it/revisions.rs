//! What posts were before.

use serde_json::{Value, json};

use crate::support::{at, count, stack, text, write};

#[tokio::test]
async fn each_change_keeps_what_was_before_newest_first_and_deletion_takes_it_all() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let post = write(&stack, &ada, json!({"text": "One", "attributes": {"a": 1}})).await;
    let path = format!("{}/revisions", at(&post));
    assert_eq!(stack.get("posts", &path).await.expect(200).json, json!({"items": [], "next_cursor": null}));
    let second = ada.patch(&stack, "posts", &at(&post), &text("Two")).await.expect(200).json;
    // nothing changes, so nothing is kept
    drop(ada.patch(&stack, "posts", &at(&post), &text("Two")).await.expect(200));
    drop(ada.patch(&stack, "posts", &at(&post), &json!({"attributes": {"a": 2}})).await.expect(200));
    let list = stack.get("posts", &path).await.expect(200).json;
    assert_eq!(
        list["items"],
        json!([
            {"version": 2, "text": "Two", "attributes": {"a": 1}, "written_at": second["updated_at"]},
            {"version": 1, "text": "One", "attributes": {"a": 1}, "written_at": post["created_at"]},
        ])
    );
    let page = stack.get("posts", &format!("{path}?limit=1")).await.expect(200).json;
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = stack.get("posts", &format!("{path}?limit=1&cursor={cursor}")).await.expect(200).json;
    assert_eq!((&rest["items"][0]["version"], &rest["next_cursor"]), (&json!(1), &Value::Null));

    drop(ada.delete(&stack, "posts", &at(&post)).await.expect(204));
    drop(ada.get(&stack, "posts", &path).await.expect(404));
    assert_eq!(count(&stack, "SELECT count(*) FROM revisions").await, 0);
}

#[tokio::test]
async fn revisions_are_for_those_who_may_see_the_post_now() {
    let stack = stack().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let post = write(&stack, &ada, text("One")).await;
    drop(ada.patch(&stack, "posts", &at(&post), &json!({"visibility": "followers"})).await.expect(200));
    let path = format!("{}/revisions", at(&post));
    drop(stack.get("posts", &path).await.expect(404));
    drop(bob.get(&stack, "posts", &path).await.expect(404));
    let list = ada.get(&stack, "posts", &path).await.expect(200).json;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_post_keeps_its_newest_hundred_revisions() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let post = write(&stack, &ada, text("0")).await;
    for n in 1..=103 {
        drop(ada.patch(&stack, "posts", &at(&post), &text(&n.to_string())).await.expect(200));
    }
    let list = stack.get("posts", &format!("{}/revisions?limit=100", at(&post))).await.expect(200).json;
    let versions: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|r| r["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, (4..=103).rev().collect::<Vec<_>>());
    assert_eq!(list["next_cursor"], Value::Null);
}
