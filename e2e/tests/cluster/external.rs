//! A stack whose Postgres, Kafka and Redis are somebody else's: over TLS, with an authority and administrators of theirs.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::json;
use tracklore_e2e::{
    Person, TestStack,
    plugin::tracklore,
    servers::{PASSWORD, Servers},
};
use tracklore_testkit::eventually_within;

use crate::{client, name};

const PATIENCE: Duration = Duration::from_mins(4);

#[tokio::test]
async fn a_stack_uses_servers_that_are_there_and_says_what_is_wrong_with_them() {
    let client = client().await;
    let servers = Servers::prepare(&client).await;
    tokio::join!(servers.postgres(&client), servers.kafka(&client), servers.redis(&client, "allkeys-lru"));

    let stack = TestStack::namespace(&client, "external").await;
    servers.introduce(&client, &stack, "another word").await;
    let mut spec = stack.spec();
    for (dependency, how) in servers.dependencies() {
        spec[dependency] = how;
    }
    stack.apply(&client, &spec).await.expect("the stack is accepted");

    let says = async |kind: &str, words: &str| {
        let what = format!("{kind} says: {words}");
        eventually_within(PATIENCE, &what, async || {
            let message = stack.wait_for(&client, PATIENCE, kind, "False").await;
            message.contains(words).then_some(())
        })
        .await;
    };
    says("PostgresReady", "password authentication failed for user \"keeper\"").await;
    servers.introduce(&client, &stack, PASSWORD).await;
    stack.wait_for(&client, PATIENCE, "PostgresReady", "True").await;
    stack.wait_for(&client, PATIENCE, "KafkaReady", "True").await;

    says("RedisReady", "set maxmemory-policy noeviction").await;
    servers.redis(&client, "noeviction").await;
    stack.wait_until_ready(&client).await;
    assert!(stack.list::<StatefulSet>(&client).await.is_empty(), "nothing is run beside what is there");

    let url = stack.url(&client).await;
    let mut ada = Person::sign_up(&url, &name("ada")).await;
    let post = ada.post("kept elsewhere").await;
    let there = |items: &[serde_json::Value]| items.iter().any(|item| item["post"]["id"] == json!(post));
    ada.feed("/v1/feed/global", "the post", there).await;

    let users = async || {
        let users = servers.kafka_users().await.unwrap();
        let of_stack =
            users.into_iter().filter_map(|user| Some(user.strip_prefix(&stack.namespace)?.to_owned()));
        of_stack.collect::<Vec<_>>()
    };
    let named = |suffix: &str| {
        ["auth", "feed", "posts", "user"].map(|service| format!(".{}.{service}{suffix}", stack.name)).to_vec()
    };
    assert_eq!(users().await, named(""));
    tracklore(&stack, &["rotate"]).await.unwrap();
    stack.wait_for(&client, PATIENCE, "Progressing", "False").await;
    assert_eq!(users().await, named("-2"), "the users whose turn it is have rights, and no others");
    let post = ada.post("by another login").await;
    let there = |items: &[serde_json::Value]| items.iter().any(|item| item["post"]["id"] == json!(post));
    ada.feed("/v1/feed/global", "the next post", there).await;

    stack.discard(&client).await;
    TestStack { namespace: servers.namespace, name: String::new() }.discard(&client).await;
}
