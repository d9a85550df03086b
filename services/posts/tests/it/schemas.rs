//! What is published is what is documented.

use serde_json::json;
use tracklore_testkit::eventually;

use crate::support::{at, in_millis, stack, write};

#[tokio::test]
async fn every_event_is_as_documented() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let attributes = json!({"course": "rust", "big": 1e300, "deep": {"x": [1.5, null]}});
    let post = write(&stack, &ada, json!({"text": "One", "attributes": attributes})).await;
    drop(ada.patch(&stack, "posts", &at(&post), &json!({"visibility": "followers"})).await.expect(200));
    drop(ada.delete(&stack, "posts", &at(&post)).await.expect(204));
    write(&stack, &ada, json!({"text": "Short", "expires_at": in_millis(1500)})).await;
    drop(ada.request(&stack, reqwest::Method::POST, "auth", "/v1/auth/logout").send().await.unwrap());
    eventually("all is told", async || {
        let (posts, sessions) = (stack.records("posts-events").await, stack.records("session-events").await);
        (posts.len() == 5 && sessions.len() == 1).then_some(())
    })
    .await;
    for (topic, types) in [
        ("posts-events", &["post.created", "post.deleted", "post.updated"][..]),
        ("user-events", &["user.created"]),
        ("session-events", &["session.revoked"]),
    ] {
        let seen = stack.assert_documented(topic).await;
        assert_eq!(seen, types.iter().map(|name| format!("tracklore.{name}.v1")).collect(), "{topic}");
    }
}
