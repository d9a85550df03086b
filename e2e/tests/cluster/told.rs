//! What a platform engineer is told of a stack without asking for logs.

use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use serde_json::json;
use tracklore_e2e::TestStack;

use crate::{client, shared_stack};

#[tokio::test]
async fn an_image_that_cannot_be_pulled_is_named_in_the_condition() {
    let client = client().await;
    let stack = TestStack::namespace(&client, "told").await;
    let mut spec = stack.spec();
    spec["images"] = json!({"overrides": [{"name": "redis", "image": "registry.invalid/nothing:1"}]});
    stack.apply(&client, &spec).await.unwrap();
    let patience = Duration::from_mins(4);
    let said = tracklore_testkit::eventually_within(patience, "RedisReady names the image", async || {
        let message = stack.wait_for(&client, patience, "RedisReady", "False").await;
        message.contains("can't be pulled").then_some(message)
    })
    .await;
    assert!(said.contains("registry.invalid/nothing:1"), "{said}");
    stack.discard(&client).await;
}

#[tokio::test]
async fn a_stack_that_serves_has_an_event_that_says_so() {
    let client = client().await;
    let stack = shared_stack(&client).await;
    let patience = Duration::from_secs(30);
    let events = tracklore_testkit::eventually_within(patience, "an Event of the stack", async || {
        let mut events = stack.list::<Event>(&client).await;
        events.retain(|event| {
            event.regarding.as_ref().and_then(|object| object.kind.as_deref()) == Some("TrackloreStack")
                && event.reason.as_deref() == Some("Ready")
        });
        (!events.is_empty()).then_some(events)
    })
    .await;
    for event in events {
        assert_eq!(event.type_.as_deref(), Some("Normal"));
        assert!(event.note.as_deref().is_some_and(|note| note.contains("serves at")), "{event:?}");
    }
}
