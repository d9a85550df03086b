//! What a manifest says stays said, however often it's applied by the API server (as Flux does, and Argo CD may).

use serde_json::{Value, json};
use tracklore_e2e::TestStack;

use crate::client;

/// Kubernetes prunes an object that was applied empty and got a list of keyed items by default. So such lists have none.
#[tokio::test]
async fn what_a_manifest_leaves_empty_keeps_its_defaults_when_it_is_applied_again() {
    let client = client().await;
    let stack = TestStack::namespace(&client, "again").await;
    let spec = json!({
        "version": "0.1.0", "paused": true,
        "images": {}, "auth": {}, "gateway": {"traefik": {}},
        "services": {"auth": {}, "user": {}, "posts": {}, "feed": {}},
        "postgres": {"managed": {}}, "kafka": {"managed": {}}, "redis": {"managed": {}}
    });
    let applied = async |address: &str| -> Value {
        let mut spec = spec.clone();
        spec["publicUrl"] = json!(address);
        let mut seen = stack.apply(&client, &spec).await.unwrap().data["spec"].take();
        seen.as_object_mut().unwrap().remove("publicUrl");
        seen
    };
    let first = applied("https://first.example.org").await;
    assert_eq!(applied("https://second.example.org").await, first);
    assert_eq!(applied("https://third.example.org").await, first);
    stack.discard(&client).await;
}
