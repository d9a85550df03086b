//! Killing what runs, one after the other: it comes back, and nothing that was acknowledged is lost.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::LogParams};
use reqwest::Method;
use serde_json::Value;
use tracklore_e2e::{COMPONENTS, Person, TestStack};

use crate::{client, name};

#[tokio::test]
async fn every_killed_component_comes_back_and_no_post_is_lost() {
    let client = client().await;
    let stack = TestStack::start(&client, "restarts").await;
    let url = stack.url(&client).await;
    let mut ada = Person::sign_up(&url, &name("ada")).await;
    let mut posts = BTreeSet::from([ada.post("before everything").await]);

    for component in COMPONENTS {
        // one while it is away, one after it came back
        let ((), id) = tokio::join!(stack.kill(&client, component), ada.post("meanwhile"));
        posts.insert(id);
        posts.insert(ada.post("afterwards").await);
        println!("{component} came back");
    }
    stack.wait_until_ready(&client).await;
    // Redis has read its file again; the feed would have filled it from Kafka otherwise, and nobody would have seen it
    let pods: Api<Pod> = Api::namespaced(client.clone(), &stack.namespace);
    for feed in stack.pods(&client, &["feed"]).await {
        let log = pods.logs(&feed.name_any(), &LogParams::default()).await.unwrap();
        assert!(!log.contains("Redis has lost"), "{log}");
    }

    ada.log_in().await;
    for id in &posts {
        let _ = ada.call(Method::GET, &format!("/v1/posts/{id}"), None).await.expect(200);
    }
    let shown = |items: &[Value]| -> Vec<String> {
        items.iter().filter_map(|item| item["post"]["id"].as_str().map(str::to_owned)).collect()
    };
    let own = format!("/v1/feed/users/{}?limit=100", ada.id);
    let items = ada
        .feed(&own, "every post", |items| shown(items).into_iter().collect::<BTreeSet<_>>() == posts)
        .await;
    assert_eq!(items.len(), posts.len(), "and none of them twice");
    let times: Vec<_> = items.iter().map(|item| item["occurred_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "newest first: {times:?}");
    stack.discard(&client).await;
}
