//! Two stacks beside each other know nothing of each other, and nobody else in the cluster reaches into one.

use std::time::Duration;

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{Api, Client, api::PostParams};
use reqwest::Method;
use serde_json::{Value, json};
use tracklore_e2e::{Person, TestStack};
use tracklore_testkit::eventually_within;

use crate::{client, name, shared_stack};

#[tokio::test]
async fn a_second_stack_accepts_no_token_and_shows_no_data_of_the_first() {
    let client = client().await;
    let (first, other) = tokio::join!(shared_stack(&client), TestStack::start(&client, "second"));
    let (first, second) = (first.url(&client).await, other.url(&client).await);

    let username = name("ada");
    let mut ada = Person::sign_up(&first, &username).await;
    let post = ada.post("only here").await;
    let here = |items: &[serde_json::Value]| items.iter().any(|item| item["post"]["id"] == json!(post));
    ada.feed("/v1/feed/global", "the post", here).await;

    let stranger = ada.at(&second);
    let _ = stranger.call(Method::GET, "/v1/users/me", None).await.expect(401);
    // the name is free there, and its owner sees nothing of the first stack
    let mut namesake = Person::sign_up(&second, &username).await;
    assert_eq!(namesake.call(Method::GET, &format!("/v1/posts/{post}"), None).await.status, 404);
    let own = namesake.post("only there").await;
    let items = namesake.feed("/v1/feed/global", "something", |items| !items.is_empty()).await;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["post"]["id"], json!(own));
    other.discard(&client).await;
}

#[tokio::test]
async fn only_pods_of_the_stack_reach_its_database() {
    let client = client().await;
    let stack = shared_stack(&client).await;
    let neighbour = TestStack::namespace(&client, "neighbour").await;
    let host = format!("shared-postgres.{}.svc", stack.namespace);
    let service = json!({
        "app.kubernetes.io/instance": "shared", "app.kubernetes.io/component": "posts"
    });
    let nobody = json!({});
    let image = stack.list::<StatefulSet>(&client).await.into_iter().find_map(|set| {
        let template = set.spec?.template.spec?;
        template
            .containers
            .into_iter()
            .find_map(|container| container.image.filter(|i| i.contains("postgres")))
    });
    let image = image.unwrap();
    let asks = async |namespace: &str, labels: &Value, tries| {
        reaches(&client, namespace, labels, tries, &image, &host).await
    };
    // A new pod is known to the network's policies a moment after its start: on a busy node a longer one.
    let (own, unlabelled, same_labels_elsewhere) = tokio::join!(
        asks(&stack.namespace, &service, 60),
        asks(&stack.namespace, &nobody, 5),
        asks(&neighbour.namespace, &service, 5),
    );
    assert!(own, "a service's pod reaches its database");
    assert!(!unlabelled, "a pod in the same namespace that isn't the stack's reaches the database");
    assert!(!same_labels_elsewhere, "a pod of another namespace reaches the database");
    neighbour.discard(&client).await;
}

/// Whether Postgres answers a pod with these labels, which asks so many times, a second apart.
async fn reaches(
    client: &Client,
    namespace: &str,
    labels: &Value,
    tries: u32,
    image: &str,
    host: &str,
) -> bool {
    let name = name("asks");
    let pod = json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 999, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "asks", "image": image,
                "command": [
                    "/bin/sh", "-c", "for try in $(seq \"$1\"); do pg_isready -h \"$0\" -t 3 && exit 0; sleep 1; done; exit 2",
                    host, tries.to_string()
                ],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}
            }]
        }
    });
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    let what = format!("{name} has asked");
    let code = eventually_within(Duration::from_mins(6), &what, async || {
        let status = pods.get(&name).await.ok()?.status?;
        Some(status.container_statuses?.first()?.state.as_ref()?.terminated.as_ref()?.exit_code)
    })
    .await;
    match code {
        0 => true,
        2 => false,
        code => unreachable!("{name} ended with {code}: the program couldn't be run"),
    }
}
