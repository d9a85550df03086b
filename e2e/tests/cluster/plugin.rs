//! `kubectl tracklore` against stacks that run.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Secret, Service},
};
use kube::{Api, Client, ResourceExt, api::DeleteParams};
use reqwest::Method;
use serde_json::{Value, json};
use tracklore_e2e::{Person, TestStack, condition, plugin::tracklore, shell};
use tracklore_testkit::eventually_within;

use crate::{client, name, shared_stack};

#[tokio::test]
async fn a_stack_is_told_in_a_second_and_looked_over() {
    let stack = shared_stack(&client().await).await;
    let began = Instant::now();
    let told: Value =
        serde_json::from_str(&tracklore(stack, &["status", "-o", "json"]).await.unwrap()).unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "it took {:?}", began.elapsed());
    assert_eq!((told["name"].as_str(), told["ready"].as_bool()), (Some("shared"), Some(true)));
    assert_eq!(told["parts"].as_array().unwrap().len(), 8);
    let text = tracklore(stack, &["status", "--watch"]).await.unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("Ready for"), "{text}");
    // another test may just have asked for something, which is a finding until it's there
    let found = eventually_within(Duration::from_mins(1), "the doctor finds nothing", async || {
        tracklore(stack, &["doctor", "-o", "json"]).await.ok()
    })
    .await;
    let found: Vec<Value> = serde_json::from_str(&found).unwrap();
    assert!(found.iter().all(|finding| finding["is"] == "fine"), "{found:?}");
}

#[tokio::test]
async fn logs_are_merged_and_nothing_is_restored_from_nowhere() {
    let stack = shared_stack(&client().await).await;
    let logs = tracklore(stack, &["logs", "auth", "feed", "--since", "36000"]).await.unwrap();
    let parts: BTreeSet<_> = logs.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(parts.contains("auth") && parts.contains("feed") && !parts.contains("kafka"), "{parts:?}");
    let refused = tracklore(stack, &["logs", "mail"]).await.unwrap_err();
    assert!(refused.contains("a stack has no part mail; name some of auth, user"), "{refused}");
    let refused = tracklore(stack, &["restore", "--as", "another"]).await.unwrap_err();
    assert!(refused.contains("stack shared keeps no copies"), "{refused}");
}

#[tokio::test]
async fn the_feed_is_rebuilt_and_dead_letters_are_listed_by_the_services_themselves() {
    let client = client().await;
    let stack = shared_stack(&client).await;
    assert_eq!(tracklore(stack, &["dlq", "posts", "list", "-o", "json"]).await.unwrap(), "");
    let refused = tracklore(stack, &["dlq", "feed", "show", "posts-events/0/4711"]).await.unwrap_err();
    assert!(refused.contains("there is no dead letter posts-events/0/4711"), "{refused}");

    let ada = Person::sign_up(&stack.url(&client).await, &name("ada")).await;
    let body = json!({"text": "still there"});
    let post = ada.call(Method::POST, "/v1/posts", Some(&body)).await.json["id"].as_str().unwrap().to_owned();
    let soon = Duration::from_mins(1);
    eventually_within(soon, "the post is in the feed", async || shown(&ada, &post).await).await;
    let told = tracklore(stack, &["rebuild-feed"]).await.unwrap();
    assert!(told.contains("the rebuilt read model is the one that is read"), "{told}");
    eventually_within(soon, "the post is in the feed made anew", async || shown(&ada, &post).await).await;
}

/// Whether a person's list has this post.
async fn shown(person: &Person, post: &str) -> Option<()> {
    let list = person.call(Method::GET, &format!("/v1/feed/users/{}", person.id), None).await.json;
    list["items"].as_array()?.iter().any(|item| item["post"]["id"] == json!(post)).then_some(())
}

#[tokio::test]
async fn a_support_bundle_holds_what_helps_and_no_secret() {
    let client = client().await;
    let stack = shared_stack(&client).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle.tar.gz").to_string_lossy().into_owned();
    tracklore(stack, &["support-bundle", "--filename", &file]).await.unwrap();
    let names = shell::run("tar", &["-tzf", &file]).await.unwrap();
    for part in [
        "about.txt",
        "status.txt",
        "doctor.txt",
        "objects/TrackloreStack.yaml",
        "objects/Pod/shared-auth-",
        "logs/shared-feed-",
    ] {
        assert!(names.contains(part), "{part} is missing in {names}");
    }
    let text = shell::run("tar", &["-xOzf", &file]).await.unwrap();
    assert!(text.contains("TRACKLORE_PUBLIC_URL"), "what the operator wrote is there");
    let secrets = stack.list::<Secret>(&client).await;
    assert!(secrets.len() > 10);
    for secret in secrets {
        for (key, value) in secret.data.clone().unwrap_or_default() {
            let plain = String::from_utf8_lossy(&value.0).into_owned();
            // Names of users stand where they are used.
            if key.starts_with("username") {
                continue;
            }
            let lines = plain.lines().filter(|line| line.len() > 12 && !line.starts_with("-----"));
            for part in lines.map(str::to_owned).chain([STANDARD.encode(&value.0)]) {
                assert!(!text.contains(&part), "{}/{key} is in the bundle", secret.name_any());
            }
        }
    }
}

#[tokio::test]
async fn plain_manifests_are_what_the_api_server_takes() {
    let client = client().await;
    let stack = shared_stack(&client).await;
    let empty = TestStack::namespace(&client, "rendered").await;
    let stored = stack.stacks(&client).get(&stack.name).await.unwrap();
    let object = json!({
        "apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack",
        "metadata": {"name": "rendered"}, "spec": stored.data["spec"],
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stack.json").to_string_lossy().into_owned();
    std::fs::write(&file, object.to_string()).unwrap();
    for which in [&["render", "-f", &file][..], &["render", "-f", &file, "--secrets"]] {
        let manifests = tracklore(&empty, which).await.unwrap();
        // The node port is the shared stack's.
        let lines: Vec<_> = manifests.lines().filter(|line| !line.contains("nodePort:")).collect();
        let manifests = lines.join("\n");
        let told =
            shell::run_with("kubectl", &["apply", "--dry-run=server", "-f", "-"], &manifests).await.unwrap();
        assert!(told.lines().count() > 10, "{told}");
    }
    empty.discard(&client).await;
}

#[tokio::test]
async fn who_leaves_the_operator_behind_keeps_what_runs() {
    let client = client().await;
    let stack = TestStack::namespace(&client, "orphan").await;
    stack.apply(&client, &stack.spec()).await.unwrap();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &stack.namespace);
    let patience = Duration::from_mins(2);
    eventually_within(patience, "the gateway is there", async || {
        deployments.get_opt("orphan-gateway").await.ok()?.map(drop)
    })
    .await;
    tells_what_happened(&stack).await;
    is_left_alone_while_it_is_paused(&client, &stack).await;
    let refused = tracklore(&stack, &["orphan"]).await.unwrap_err();
    assert!(refused.contains("--yes"), "{refused}");
    tracklore(&stack, &["orphan", "--yes"]).await.unwrap();
    assert!(stack.stacks(&client).get_opt("orphan").await.unwrap().is_none());
    let gateway = deployments.get("orphan-gateway").await.unwrap();
    assert!(gateway.owner_references().is_empty() && gateway.metadata.deletion_timestamp.is_none());
    let services = stack.list::<Service>(&client).await;
    assert!(services.len() >= 7 && services.iter().all(|service| service.owner_references().is_empty()));
    stack.discard(&client).await;
}

/// What happened to a stack that has just begun is told, and told apart from what somebody should look at.
async fn tells_what_happened(stack: &TestStack) {
    let text = tracklore(stack, &["events"]).await.unwrap();
    assert!(text.contains("Deployment/orphan-gateway"), "{text}");
    let all: Vec<Value> =
        serde_json::from_str(&tracklore(stack, &["events", "-o", "json"]).await.unwrap()).unwrap();
    assert!(all.iter().all(|event| event["at"].is_string() && event["times"].as_i64() >= Some(1)), "{all:?}");
    let warnings = tracklore(stack, &["events", "--warnings", "-o", "json"]).await.unwrap();
    let warnings: Vec<Value> = serde_json::from_str(&warnings).unwrap();
    assert!(warnings.len() < all.len() && warnings.iter().all(|event| event["warning"] == true));
}

/// What somebody deletes of a paused stack stays away, also when the spec changes, and comes back when it's resumed.
async fn is_left_alone_while_it_is_paused(client: &Client, stack: &TestStack) {
    let patience = Duration::from_mins(2);
    let paused = async || {
        let stored = stack.stacks(client).get(&stack.name).await.ok()?;
        let progressing = condition(&stored, "Progressing")?;
        let seen = stored.data["status"]["observedGeneration"].as_i64() == stored.metadata.generation;
        (seen && progressing["reason"] == "Paused").then_some(())
    };
    let said = tracklore(stack, &["pause"]).await.unwrap();
    assert!(said.contains("kubectl tracklore resume"), "{said}");
    eventually_within(patience, "the operator leaves it alone", paused).await;

    let services: Api<Service> = Api::namespaced(client.clone(), &stack.namespace);
    services.delete("orphan-feed", &DeleteParams::default()).await.unwrap();
    let mut spec = stack.spec();
    spec["paused"] = json!(true);
    spec["deletionPolicy"] = json!("Delete");
    stack.apply(client, &spec).await.unwrap();
    eventually_within(patience, "the operator has seen the other spec", paused).await;
    assert!(services.get_opt("orphan-feed").await.unwrap().is_none(), "nothing is repaired");

    tracklore(stack, &["resume"]).await.unwrap();
    eventually_within(patience, "it's repaired", async || {
        services.get_opt("orphan-feed").await.ok()?.map(drop)
    })
    .await;
}
