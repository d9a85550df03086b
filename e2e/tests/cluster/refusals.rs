//! Stacks that can't be: refused by the API server where a rule can tell, else by a condition, each with a sentence that
//! says what to do.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::{Value, json};
use tracklore_e2e::TestStack;

use crate::client;

fn with(mut spec: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    spec.pointer_mut(parent).unwrap()[field] = value;
    spec
}

#[tokio::test]
async fn the_api_server_refuses_what_can_never_be() {
    let client = client().await;
    let stack = TestStack::namespace(&client, "refused").await;
    let spec = stack.spec();
    for (bad, about) in [
        (with(spec.clone(), "/postgres", json!({})), "postgres"),
        (with(spec.clone(), "/publicUrl", json!("https://x.example/path/")), "publicUrl"),
        (with(spec.clone(), "/version", json!("latest")), "version"),
        (with(spec.clone(), "/kafka/managed/nodes", json!(2)), "nodes"),
        (with(spec.clone(), "/deletionPolicy", json!("Keep")), "deletionPolicy"),
    ] {
        let refusal = stack.apply(&client, &bad).await.expect_err(about).to_string();
        assert!(refusal.contains(about), "{refusal}");
    }
    stack.discard(&client).await;
}

#[tokio::test]
async fn what_only_the_operator_can_know_is_said_in_conditions_and_nothing_is_made() {
    let client = client().await;
    let stack = TestStack::namespace(&client, "stalled").await;
    let spec = stack.spec();
    for (bad, sentence) in [
        (with(spec.clone(), "/version", json!("9.9.9")), "9.9.9"),
        (with(spec.clone(), "/auth/emailVerification", json!("Required")), "Optional"),
    ] {
        stack.apply(&client, &bad).await.expect("the API server can't know");
        let message = stack.wait_for(&client, Duration::from_mins(1), "Stalled", "True").await;
        assert!(message.contains(sentence), "{message}");
        stack.wait_for(&client, Duration::from_secs(10), "Ready", "False").await;
        assert!(stack.list::<StatefulSet>(&client).await.is_empty());
    }
    stack.discard(&client).await;
}
