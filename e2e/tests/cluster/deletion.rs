//! Deleting a stack: by default the data stays and a stack of the same name finds it again; on request nothing stays.

use std::time::Duration;

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    batch::v1::Job,
    core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service},
};
use kube::{Client, ResourceExt};
use reqwest::Method;
use serde_json::json;
use tracklore_e2e::{Person, TestStack};
use tracklore_testkit::eventually_within;

use crate::{client, name};

#[tokio::test]
async fn retain_keeps_the_data_for_the_next_stack_of_that_name_and_delete_leaves_nothing() {
    let client = client().await;
    let stack = TestStack::start(&client, "deletion").await;
    let url = stack.url(&client).await;
    let mut ada = Person::sign_up(&url, &name("ada")).await;
    let post = ada.post("I want to be found again").await;

    stack.delete(&client).await;
    assert!(stack.list::<Deployment>(&client).await.is_empty());
    assert!(stack.list::<StatefulSet>(&client).await.is_empty());
    let claims = stack.list::<PersistentVolumeClaim>(&client).await;
    assert_eq!(claims.len(), 3, "the claims of Postgres, Kafka and Redis stay");
    let secrets: Vec<_> = stack.list::<Secret>(&client).await.iter().map(ResourceExt::name_any).collect();
    for needed in ["postgres-superuser", "kafka-cluster", "auth-signing-keys", "auth-session-key"] {
        assert!(secrets.contains(&format!("{}-{needed}", stack.name)), "{needed} stays: {secrets:?}");
    }

    stack.apply(&client, &stack.spec()).await.unwrap();
    stack.wait_until_ready(&client).await;
    let url = stack.url(&client).await;
    let mut ada = ada.at(&url);
    ada.log_in().await;
    let _ = ada.call(Method::GET, &format!("/v1/posts/{post}"), None).await.expect(200);
    ada.feed("/v1/feed/global", "the old post", |items| items.iter().any(|i| i["post"]["id"] == json!(post)))
        .await;

    let mut spec = stack.spec();
    spec["deletionPolicy"] = json!("Delete");
    stack.apply(&client, &spec).await.unwrap();
    stack.wait_until_ready(&client).await;
    stack.delete(&client).await;
    eventually_within(Duration::from_mins(2), "nothing is left", async || {
        let left = left_over(&client, &stack).await;
        left.is_empty().then_some(())
    })
    .await;
    stack.discard(&client).await;
}

/// Names of everything that a stack may have made and that is still there.
async fn left_over(client: &Client, stack: &TestStack) -> Vec<String> {
    let mut left: Vec<String> = Vec::new();
    left.extend(stack.list::<PersistentVolumeClaim>(client).await.iter().map(ResourceExt::name_any));
    left.extend(stack.list::<Secret>(client).await.iter().map(ResourceExt::name_any));
    left.extend(stack.list::<Service>(client).await.iter().map(ResourceExt::name_any));
    left.extend(stack.list::<Job>(client).await.iter().map(ResourceExt::name_any));
    let config_maps = stack.list::<ConfigMap>(client).await;
    // Kubernetes puts this one into every namespace
    left.extend(config_maps.iter().map(ResourceExt::name_any).filter(|name| name != "kube-root-ca.crt"));
    left
}
