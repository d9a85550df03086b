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

/// A server that services log in to: the Secret with such a login, how one logs in beside the server as `$1` with the password on
/// standard input, as others can see a command, and its words to who may not.
struct Server {
    secret: &'static str,
    pod: &'static str,
    log_in: &'static str,
    refusal: &'static str,
}

const LOGINS: [Server; 3] = [
    Server {
        secret: "postgres-posts",
        pod: "postgres-0",
        log_in: "read -r PGPASSWORD; export PGPASSWORD; exec psql --host=127.0.0.1 --username=\"$1\" \
                 --dbname=tracklore_posts --no-psqlrc --tuples-only --no-align --command='SELECT session_user'",
        refusal: "password authentication failed",
    },
    Server {
        secret: "kafka-posts",
        pod: "kafka-0",
        log_in: "umask 077; read -r password; \
                 printf '%s\\n' security.protocol=SASL_SSL sasl.mechanism=SCRAM-SHA-512 ssl.truststore.type=PEM \
                 \"ssl.truststore.location=$AUTHORITY\" \
                 \"sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\\\"$1\\\" \
                 password=\\\"$password\\\";\" >/run/kafka/login.properties; \
                 exec java -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '/opt/kafka/libs/*' \
                 org.apache.kafka.tools.TopicCommand --bootstrap-server \"$HOSTNAME.$NODES_HOST:9092\" \
                 --command-config /run/kafka/login.properties --list >&2",
        refusal: "SaslAuthenticationException",
    },
    Server {
        secret: "redis-feed",
        pod: "redis-0",
        log_in: "read -r REDISCLI_AUTH; export REDISCLI_AUTH; \
                 exec valkey-cli -e -s /run/valkey/valkey.sock --user \"$1\" --no-auth-warning ping",
        refusal: "WRONGPASS",
    },
];

#[tokio::test]
async fn neither_a_change_that_replaces_every_pod_nor_a_rotation_of_secrets_fails_a_request() {
    let client = client().await;
    let stack = TestStack::start(&client, "rolling").await;
    let url = stack.url(&client).await;
    let eve = Person::sign_up(&url, &name("eve")).await;
    let mut crowd = Crowd::sign_up(&url, &name("crowd")).await;

    let mut spec = stack.spec_of_other_pods();
    spec["gateway"]["traefik"]["rateLimit"] = json!({"perUser": 1000});
    let before = pods(&stack, &client).await;
    crowd
        .while_it("pods are replaced", async {
            stack.apply(&client, &spec).await.unwrap();
            stack.wait_for(&client, ROLLED_OUT, "Progressing", "False").await;
        })
        .await;
    let after = pods(&stack, &client).await;
    assert_eq!(after.len(), 5, "{after:?}");
    assert!(after.iter().all(|pod| !before.contains(pod)), "not all were replaced: {before:?} → {after:?}");

    let old = logins(&client, &stack).await;
    let certificates = certificates(&stack, &client).await.unwrap();
    let signing = keys(&eve).await;
    for (server, old) in LOGINS.iter().zip(&old) {
        log_in(&stack, server, old).await.unwrap();
    }
    crowd
        .while_it("logins and certificates are replaced", async {
            let said = tracklore(&stack, &["rotate"]).await.unwrap();
            assert!(said.contains("logins to Postgres, Kafka and Redis"), "{said}");
            stack.wait_for(&client, ROLLED_OUT, "Progressing", "False").await;
            // the kubelet looks for changes of mounted Secrets about once a minute
            eventually_within(Duration::from_mins(4), "every server shows another certificate", async || {
                let now = self::certificates(&stack, &client).await.ok()?;
                certificates.iter().zip(&now).all(|(before, now)| before != now).then_some(())
            })
            .await;
        })
        .await;
    // Kafka has started anew for its certificate meanwhile, and still knows who may log in
    let new = logins(&client, &stack).await;
    for ((server, old), new) in LOGINS.iter().zip(&old).zip(&new) {
        assert_eq!(new.len(), old.len() + 1, "nothing is left of the old login: {:?}", new.keys());
        assert!(new.keys().all(|key| key.ends_with("-2")), "{:?}", new.keys());
        log_in(&stack, server, new).await.unwrap();
        // Redis forgets it when the kubelet has brought the Secret, which takes about a minute
        eventually_within(Duration::from_mins(4), "the old login is refused", async || {
            log_in(&stack, server, old).await.err().filter(|said| said.contains(server.refusal))
        })
        .await;
    }
    let rotated = pods(&stack, &client).await;
    let kept: Vec<_> = rotated.iter().filter(|pod| after.contains(pod)).collect();
    assert_eq!(kept.len(), 1, "the gateway logs in nowhere: {kept:?}");
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

/// What the Secrets of [`LOGINS`] hold.
async fn logins(client: &kube::Client, stack: &TestStack) -> Vec<BTreeMap<String, String>> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &stack.namespace);
    let text = |value: ByteString| String::from_utf8(value.0).unwrap();
    let mut logins = Vec::new();
    for server in &LOGINS {
        let secret = secrets.get(&format!("{}-{}", stack.name, server.secret)).await.unwrap();
        logins.push(secret.data.unwrap().into_iter().map(|(key, value)| (key, text(value))).collect());
    }
    logins
}

/// What a server says to who logs in so.
async fn log_in(
    stack: &TestStack,
    server: &Server,
    login: &BTreeMap<String, String>,
) -> Result<String, String> {
    let part = |part: &str| login.iter().find(|(key, _)| key.starts_with(part)).unwrap().1.as_str();
    let pod = format!("{}-{}", stack.name, server.pod);
    let exec =
        ["--context", "kind-tracklore", "--namespace", &stack.namespace, "exec", "--stdin", &pod, "--"];
    let command = ["sh", "-c", server.log_in, "sh", part("username")];
    let said = shell::run_with("kubectl", &[&exec[..], &command].concat(), part("password")).await?;
    // who isn't let in may still be told so on the standard output
    if said.contains(server.refusal) { Err(said) } else { Ok(said) }
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
