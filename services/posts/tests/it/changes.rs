//! Changing and deleting posts.

use reqwest::Method;
use serde_json::json;
use tracklore_testkit::eventually;

use crate::support::{at, at_once, events_of, stack, text, with_header, write};

#[tokio::test]
async fn a_patch_changes_what_it_names_and_counts_the_version() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let post =
        write(&stack, &ada, json!({"text": "One", "attributes": {"a": {"x": 1, "y": 2}, "b": 3}})).await;
    let patch = json!({"attributes": {"a": {"x": null, "z": 4}, "b": null}, "visibility": "followers"});
    let changed = ada.patch(&stack, "posts", &at(&post), &patch).await.expect(200);
    assert_eq!(changed.header("etag"), "\"v2\"");
    assert_eq!(changed.json["attributes"], json!({"a": {"y": 2, "z": 4}}));
    for (field, value) in [("text", json!("One")), ("visibility", json!("followers")), ("version", json!(2))]
    {
        assert_eq!(changed.json[field], value, "{field}");
    }
    assert_eq!(ada.get(&stack, "posts", &at(&post)).await.expect(200).json, changed.json);
}

#[tokio::test]
async fn a_patch_is_taken_as_merge_patch_and_as_json_and_as_nothing_else() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let post = write(&stack, &ada, text("One")).await;
    for (media_type, status) in
        [("application/merge-patch+json", 200), ("application/json; charset=utf-8", 200), ("text/plain", 415)]
    {
        let request =
            ada.request(&stack, Method::PATCH, "posts", &at(&post)).header("content-type", media_type);
        let answer = tracklore_testkit::Answer::of(request.body(r#"{"text":"Two"}"#)).await;
        assert_eq!(answer.status, status, "{media_type}");
    }
}

#[tokio::test]
async fn a_change_of_nothing_makes_no_version_and_no_event() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let post = write(&stack, &ada, text("One")).await;
    assert_eq!(ada.patch(&stack, "posts", &at(&post), &text("One")).await.expect(200).json, post);
    drop(ada.patch(&stack, "posts", &at(&post), &text("Two")).await.expect(200));
    eventually("the change is published", async || (events_of(&stack, &post).await.len() == 2).then_some(()))
        .await;
}

#[tokio::test]
async fn a_lost_update_is_refused_by_if_match() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let post = write(&stack, &ada, text("One")).await;
    let path = at(&post);
    let guarded =
        async |method, tag, body| with_header(&stack, &ada, (method, &path), ("if-match", tag), body).await;
    let (two, three) = (text("Two"), text("Three"));
    drop(guarded(Method::PATCH, "\"v1\"", Some(&two)).await.expect(200));
    let refused = guarded(Method::PATCH, "\"v1\"", Some(&three)).await.expect(412);
    assert_eq!(refused.code(), "precondition-failed");
    assert_eq!(guarded(Method::DELETE, "\"v1\"", None).await.expect(412).code(), "precondition-failed");
    assert_eq!(stack.get("posts", &path).await.expect(200).json["text"], "Two");
    drop(guarded(Method::DELETE, "\"v2\"", None).await.expect(204));
}

#[tokio::test]
async fn of_many_changes_of_one_version_at_once_exactly_one_is_made() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let post = write(&stack, &ada, text("One")).await;
    let path = at(&post);
    let requests = (0..8).map(|n| {
        let request = ada.request(&stack, Method::PATCH, "posts", &path).header("if-match", "\"v1\"");
        request.json(&text(&format!("Change {n}")))
    });
    let mut statuses: Vec<_> = at_once(requests).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
}

#[tokio::test]
async fn a_deleted_post_is_gone_and_only_its_events_remain() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let post = write(&stack, &ada, text("One")).await;
    drop(ada.delete(&stack, "posts", &at(&post)).await.expect(204));
    for again in [ada.get(&stack, "posts", &at(&post)).await, ada.delete(&stack, "posts", &at(&post)).await] {
        assert_eq!(again.expect(404).code(), "not-found");
    }
    drop(ada.patch(&stack, "posts", &at(&post), &text("Two")).await.expect(404));
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM posts").fetch_one(&stack.database("posts")).await.unwrap();
    assert_eq!(rows, 0);
}
