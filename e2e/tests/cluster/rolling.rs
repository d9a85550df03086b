//! A change that rolls pods is no outage.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use k8s_openapi::api::core::v1::Pod;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tracklore_e2e::{Person, TestStack};
use tracklore_testkit::Answer;

use crate::{client, name};

const ROLLED_OUT: Duration = Duration::from_mins(6);

#[tokio::test]
async fn a_change_that_replaces_every_pod_of_services_and_gateway_fails_no_request() {
    let client = client().await;
    let stack = TestStack::start(&client, "rolling").await;
    let url = stack.url(&client).await;
    let mut eve = Person::sign_up(&url, &name("eve")).await;
    let post = eve.post("before").await;
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> =
        (0..4).map(|_| tokio::spawn(ask(eve.with_new_connections(), post.clone(), stop.clone()))).collect();

    let mut spec = stack.spec();
    for service in ["auth", "user", "posts", "feed"] {
        spec["services"][service]["env"] = json!([{"name": "TRACKLORE_LOG", "value": "warn"}]);
    }
    spec["gateway"]["traefik"]["rateLimit"] = json!({"perUser": 1000});
    let before = pods(&stack, &client).await;
    stack.apply(&client, &spec).await.unwrap();
    stack.wait_for(&client, ROLLED_OUT, "Progressing", "False").await;
    let after = pods(&stack, &client).await;
    stop.store(true, Ordering::Relaxed);

    assert_eq!(after.len(), 5, "{after:?}");
    assert!(after.iter().all(|pod| !before.contains(pod)), "not all were replaced: {before:?} → {after:?}");
    let mut asked = 0;
    let mut failed = Vec::new();
    for worker in load {
        let (requests, failures) = worker.await.unwrap();
        asked += requests;
        failed.extend(failures);
    }
    println!("{asked} requests while all pods were replaced, {} failed", failed.len());
    assert!(failed.is_empty(), "of {asked} requests: {failed:#?}");
    assert!(asked > 500, "only {asked} requests");
    stack.discard(&client).await;
}

/// Names of the pods that clients' requests go through, without those that are on their way out.
async fn pods(stack: &TestStack, client: &kube::Client) -> Vec<String> {
    let rolled = ["auth", "user", "posts", "feed", "gateway"];
    let pods = stack.list::<Pod>(client).await.into_iter();
    let serving = pods.filter(|pod| {
        let name = pod.metadata.labels.as_ref().and_then(|labels| labels.get("app.kubernetes.io/name"));
        pod.metadata.deletion_timestamp.is_none() && name.is_some_and(|name| rolled.contains(&name.as_str()))
    });
    serving.filter_map(|pod| pod.metadata.name).collect()
}

/// Asks all services in turn until told to stop: how many requests, and those that failed.
async fn ask(person: Person, post: String, stop: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let reads = ["/v1/feed/global", "/v1/users/me", "/v1/auth/me", &format!("/v1/posts/{post}")];
    let write = || person.request(Method::POST, "/v1/posts").json(&json!({"text": "while it rolls"}));
    let (mut asked, mut failed) = (0, Vec::new());
    // Several people at a pace that leaves the machine room to start pods.
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let (what, request): (&str, RequestBuilder) = match reads.get(asked % 5) {
            Some(path) => (path, person.request(Method::GET, path)),
            None => ("POST /v1/posts", write()),
        };
        asked += 1;
        match Answer::attempt(request).await {
            Ok(answer) if answer.status < 300 => {}
            Ok(answer) => failed.push(format!("{what}: {} {}", answer.status, answer.json)),
            Err(error) => failed.push(format!("{what}: {error:?}")),
        }
    }
    (asked, failed)
}
