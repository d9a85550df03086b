//! The cluster's node loses its power while the operator works. A program of its own, because nothing else can run on the cluster
//! meanwhile.
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{
    ByteString,
    api::{batch::v1::Job, core::v1::Secret},
};
use kube::{Api, Client, api::ListParams};
use reqwest::Method;
use tracklore_e2e::{Person, TestStack, condition, shell};
use tracklore_testkit::eventually_within;

/// All pods of the cluster start at once, those of the control plane among them.
const BACK: Duration = Duration::from_mins(10);
const BEGUN: Duration = Duration::from_mins(5);

#[tokio::test]
async fn a_stack_is_made_and_changed_although_the_power_is_cut_in_the_middle_of_either() {
    let client = Client::try_default().await.unwrap();
    let stack = TestStack::namespace(&client, "node").await;
    stack.apply(&client, &stack.spec()).await.unwrap();
    let jobs: Api<Job> = Api::namespaced(client.clone(), &stack.namespace);
    eventually_within(BEGUN, "a database is being prepared", async || {
        (!jobs.list(&ListParams::default()).await.ok()?.items.is_empty()).then_some(())
    })
    .await;
    let made = secrets(&stack, &client).await;
    cut_the_power().await;
    stack.wait_for(&client, BACK, "Ready", "True").await;
    assert!(secrets(&stack, &client).await == made, "a password isn't made twice");

    let url = stack.url(&client).await;
    let mut ada = Person::sign_up(&url, "ada").await;
    let before = ada.post("before the change").await;
    stack.apply(&client, &stack.spec_of_other_pods()).await.unwrap();
    eventually_within(BEGUN, "services are being rolled out", async || {
        let told = stack.stacks(&client).get(&stack.name).await.ok()?;
        let progressing = condition(&told, "Progressing")?;
        (progressing["status"] == "True" && progressing["observedGeneration"] == 2).then_some(())
    })
    .await;
    cut_the_power().await;
    stack.wait_for(&client, BACK, "Progressing", "False").await;
    stack.wait_for(&client, BACK, "Ready", "True").await;

    let after = ada.post("after the change").await;
    let _ = ada.call(Method::GET, &format!("/v1/posts/{before}"), None).await.expect(200);
    let own = format!("/v1/feed/users/{}?limit=100", ada.id);
    ada.feed(&own, "both posts, once each", |items| {
        items.iter().map(|item| item["post"]["id"].as_str()).eq([Some(after.as_str()), Some(before.as_str())])
    })
    .await;
    assert!(secrets(&stack, &client).await == made, "a password isn't made twice");
    stack.discard(&client).await;
}

/// What all Secrets of the stack hold, by name: to be compared, and not to be shown.
async fn secrets(stack: &TestStack, client: &Client) -> BTreeMap<String, BTreeMap<String, ByteString>> {
    let secrets = stack.list::<Secret>(client).await.into_iter();
    secrets.filter_map(|secret| Some((secret.metadata.name?, secret.data?))).collect()
}

/// Everything on the node ends at once, and starts again.
async fn cut_the_power() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/cluster.sh");
    shell::run(script, &["cut-power"]).await.unwrap();
    println!("the power was cut, and is back");
}
