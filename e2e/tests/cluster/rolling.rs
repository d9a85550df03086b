//! A change that rolls pods is no outage, nor is a rotation of secrets.

use std::{collections::BTreeMap, time::Duration};

use futures::future::try_join_all;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::Api;
use reqwest::Method;
use serde_json::json;
use tracklore_e2e::{
    Crowd, Person, TestStack,
    certificates::{SERVERS, shown},
    plugin::tracklore,
    shell,
};
use tracklore_testkit::eventually_within;

use crate::{client, name};

const ROLLED_OUT: Duration = Duration::from_mins(6);

#[tokio::test]
async fn neither_a_change_that_replaces_every_pod_nor_a_rotation_of_secrets_fails_a_request() {
    let client = client().await;
    let stack = TestStack::start(&client, "rolling").await;
    let url = stack.url(&client).await;
    let eve = Person::sign_up(&url, &name("eve")).await;
    let mut crowd = Crowd::sign_up(&url, &name("crowd")).await;

    let mut spec = stack.spec();
    for service in ["auth", "user", "posts", "feed"] {
        spec["services"][service]["env"] = json!([{"name": "TRACKLORE_LOG", "value": "warn"}]);
    }
    spec["gateway"]["traefik"]["rateLimit"] = json!({"perUser": 1000});
    let before = pods(&stack, &client).await;
    let asked = crowd
        .while_it("pods are replaced", async {
            stack.apply(&client, &spec).await.unwrap();
            stack.wait_for(&client, ROLLED_OUT, "Progressing", "False").await;
        })
        .await;
    assert!(asked > 500, "only {asked} requests");
    let after = pods(&stack, &client).await;
    assert_eq!(after.len(), 5, "{after:?}");
    assert!(after.iter().all(|pod| !before.contains(pod)), "not all were replaced: {before:?} → {after:?}");

    let old = login(&client, &stack).await;
    let certificates = certificates(&stack, &client).await.unwrap();
    let signing = keys(&eve).await;
    assert_eq!(log_in(&stack, &old).await.unwrap().trim(), "tracklore_posts");
    let asked = crowd
        .while_it("logins are rotated", async {
            let said = tracklore(&stack, &["rotate"]).await.unwrap();
            assert!(said.contains("logins to Postgres"), "{said}");
            stack.wait_for(&client, ROLLED_OUT, "Progressing", "False").await;
        })
        .await;
    assert!(asked > 500, "only {asked} requests");
    let new = login(&client, &stack).await;
    assert_eq!(new.len(), old.len() + 1, "nothing is left of the old login: {:?}", new.keys());
    assert_eq!(log_in(&stack, &new).await.unwrap().trim(), "tracklore_posts_2");
    let refused = log_in(&stack, &old).await.unwrap_err();
    assert!(refused.contains("password authentication failed"), "{refused}");
    let rotated = pods(&stack, &client).await;
    let kept: Vec<_> = rotated.iter().filter(|pod| after.contains(pod)).collect();
    assert_eq!(kept.len(), 2, "feed and gateway use no login to Postgres: {kept:?}");
    crowd
        .while_it("certificates are renewed", async {
            // the kubelet looks for changes of mounted Secrets about once a minute
            eventually_within(Duration::from_mins(4), "every server shows another certificate", async || {
                let now = self::certificates(&stack, &client).await.ok()?;
                certificates.iter().zip(&now).all(|(before, now)| before != now).then_some(())
            })
            .await;
        })
        .await;
    eventually_within(Duration::from_mins(4), "another key is published", async || {
        (keys(&eve).await == signing + 1).then_some(())
    })
    .await;
    stack.discard(&client).await;
}

/// What the servers of the stack show to those who connect.
async fn certificates(stack: &TestStack, client: &kube::Client) -> Result<Vec<Vec<u8>>, String> {
    try_join_all(SERVERS.map(|server| shown(client, stack, server))).await
}

/// By which posts logs in to its database: what its Secret holds.
async fn login(client: &kube::Client, stack: &TestStack) -> BTreeMap<String, String> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &stack.namespace);
    let secret = secrets.get(&format!("{}-postgres-posts", stack.name)).await.unwrap();
    let text = |value: ByteString| String::from_utf8(value.0).unwrap();
    secret.data.unwrap().into_iter().map(|(key, value)| (key, text(value))).collect()
}

/// Who Postgres says one is that logs in so.
async fn log_in(stack: &TestStack, login: &BTreeMap<String, String>) -> Result<String, String> {
    let part = |part: &str| login.iter().find(|(key, _)| key.starts_with(part)).unwrap().1.as_str();
    let pod = format!("{}-postgres-0", stack.name);
    let exec =
        ["--context", "kind-tracklore", "--namespace", &stack.namespace, "exec", "--stdin", &pod, "--"];
    // The password comes by standard input: others can see a command.
    let script = "read -r PGPASSWORD; export PGPASSWORD; exec psql --host=127.0.0.1 --username=\"$1\" \
                  --dbname=tracklore_posts --no-psqlrc --tuples-only --no-align --command='SELECT session_user'";
    let command = ["sh", "-c", script, "sh", part("username")];
    shell::run_with("kubectl", &[&exec[..], &command].concat(), part("password")).await
}

/// How many keys are published that sign tokens.
async fn keys(person: &Person) -> usize {
    let keys = person.call(Method::GET, "/.well-known/jwks.json", None).await.json;
    keys["keys"].as_array().map_or(0, Vec::len)
}

/// Names of the pods that clients' requests go through, without those that are on their way out.
async fn pods(stack: &TestStack, client: &kube::Client) -> Vec<String> {
    let rolled = stack.pods(client, &["auth", "user", "posts", "feed", "gateway"]).await;
    rolled.into_iter().filter_map(|pod| pod.metadata.name).collect()
}
