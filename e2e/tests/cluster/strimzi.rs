//! A stack whose Kafka Strimzi runs, and the stand-in for Strimzi that it relies on: what its objects ask for is so at Kafka itself.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Pod, Secret};
use kube::{
    Api, Client,
    api::{DeleteParams, LogParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tracklore_e2e::{Person, TestStack, plugin::tracklore, servers::secret, strimzi::Cluster};
use tracklore_testkit::eventually_within;

use crate::{client, name};

const PATIENCE: Duration = Duration::from_mins(4);
const READY: (&str, &str) = ("Ready", "True");
const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const CONFIGS: &str = "kafka.admin.ConfigCommand";
const ACLS: &str = "org.apache.kafka.tools.AclCommand";

/// Goes by what Strimzi hands to clients, and nothing else: the Secret of the user, and that of the authority.
const CLIENT: &str = r#"
printf '%s\n' 'security.protocol=SASL_SSL' 'ssl.truststore.type=PEM' 'ssl.truststore.location=/authority/ca.crt' \
    'sasl.mechanism=SCRAM-SHA-512' "sasl.jaas.config=$LOGIN" > /tmp/client.properties
tool() {
    java -Xmx96m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile=/opt/kafka/config/tools-log4j2.yaml \
        -cp '/opt/kafka/libs/*' "$@" --bootstrap-server events-kafka-bootstrap:9093 \
        --command-config /tmp/client.properties --topic posts-events 2>&1
}
echo 'to write:'
echo "by $WHO" | tool org.apache.kafka.tools.ConsoleProducer --sync || true
echo 'to read:'
tool org.apache.kafka.tools.consumer.ConsoleConsumer --group readers --from-beginning --max-messages 1 || true
"#;

#[tokio::test]
async fn a_stack_gets_its_topics_and_users_from_strimzi_whose_stand_in_does_what_they_ask_for() {
    let client = client().await;
    let room = TestStack::namespace(&client, "strimzi").await;
    let kafka = Cluster::start(&client, &room.namespace, "events").await;
    it_tells_where_it_is_and_schemas_refuse_what_they_do_not_know(&client, &room, &kafka).await;
    topics_grow_change_and_go(&kafka).await;
    users_may_what_their_acls_allow_and_nothing_else(&client, &room, &kafka).await;
    a_stack_works_with_it(&client, &room, &kafka).await;
    drop(kafka);
    let namespace = room.namespace.clone();
    room.discard(&client).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    eventually_within(PATIENCE, "no topic keeps the namespace", async || {
        namespaces.get_opt(&namespace).await.ok()?.is_none().then_some(())
    })
    .await;
}

async fn users_may_what_their_acls_allow_and_nothing_else(
    client: &Client,
    room: &TestStack,
    kafka: &Cluster,
) {
    let set_password = async |word: &str| {
        secret(client, &room.namespace, "own-password", &[("word", word.to_owned())]).await;
    };
    let may = |kind: &str, name: &str, pattern: &str, operation: &str| json!({"resource": {"type": kind, "name": name, "patternType": pattern}, "operations": [operation]});
    let reader = |acls: Value| {
        let reference = json!({"name": "own-password", "key": "word"});
        json!({
            "authentication": {"type": "scram-sha-512", "password": {"valueFrom": {"secretKeyRef": reference}}},
            "authorization": {"type": "simple", "acls": acls}
        })
    };
    let writer = json!({
        "authentication": {"type": "scram-sha-512"},
        "authorization": {"type": "simple", "acls": [may("topic", "posts-", "prefix", "Write")]}
    });
    let reads =
        json!([may("topic", "posts-events", "literal", "Read"), may("group", "readers", "literal", "Read")]);
    kafka.apply("KafkaTopic", "posts-events", &json!({"partitions": 1})).await.unwrap();
    kafka.apply("KafkaUser", "writer", &writer).await.unwrap();
    kafka.apply("KafkaUser", "reader", &reader(reads)).await.unwrap();

    let missing = kafka.wait_for("KafkaUser", "reader", ("NotReady", "True")).await.1;
    assert!(missing["message"].as_str().unwrap().contains("own-password"), "{missing}");
    set_password("a word/of+47=letters, and more").await;
    kafka.wait_for("KafkaTopic", "posts-events", READY).await;
    kafka.wait_for("KafkaUser", "reader", READY).await;
    let status = kafka.wait_for("KafkaUser", "writer", READY).await.0.data["status"].clone();
    assert_eq!([&status["username"], &status["secret"]], ["writer", "writer"]);

    let (to_write, to_read) = tries(client, room, "writer").await;
    assert!(!to_write.contains("Exception"), "the writer writes: {to_write}");
    assert!(to_read.contains("AuthorizationException"), "the writer doesn't read: {to_read}");
    let (to_write, to_read) = tries(client, room, "reader").await;
    assert!(to_write.contains("AuthorizationException"), "the reader doesn't write: {to_write}");
    assert!(to_read.lines().any(|line| line == "by writer"), "the reader reads: {to_read}");

    // with another password and without rights it is known, and may nothing any more
    set_password("another word").await;
    kafka.apply("KafkaUser", "reader", &reader(json!([]))).await.unwrap();
    kafka.wait_for("KafkaUser", "reader", READY).await;
    let (_, to_read) = tries(client, room, "reader").await;
    assert!(to_read.contains("AuthorizationException"), "known, without rights: {to_read}");

    kafka.objects("KafkaUser").delete("writer", &DeleteParams::default()).await.unwrap();
    eventually_within(PATIENCE, "Kafka has forgotten the writer", async || {
        let users = kafka.ask(CONFIGS, &["--describe", "--entity-type", "users"]).await.ok()?;
        let acls = kafka.ask(ACLS, &["--list"]).await.ok()?;
        assert!(users.contains("reader"), "{users}");
        (!users.contains("writer") && !acls.contains("writer")).then_some(())
    })
    .await;
}

async fn topics_grow_change_and_go(kafka: &Cluster) {
    let apply = async |name: &str, spec: Value| kafka.apply("KafkaTopic", name, &spec).await.unwrap();
    let line = async || {
        let described = kafka.ask(TOPICS, &["--describe", "--topic", "Posts_events"]).await.unwrap();
        described.lines().next().unwrap().to_owned()
    };

    let config = json!({"retention.ms": 3_600_000, "cleanup.policy": "compact,delete"});
    apply("posts", json!({"topicName": "Posts_events", "partitions": 2, "replicas": 1, "config": config}))
        .await;
    let status = kafka.wait_for("KafkaTopic", "posts", READY).await.0.data["status"].clone();
    assert_eq!(status["topicName"], "Posts_events");
    let id = format!("TopicId: {}", status["topicId"].as_str().unwrap());
    let made = line().await;
    for part in [&id, "PartitionCount: 2", "retention.ms=3600000", "cleanup.policy=compact,delete"] {
        assert!(made.contains(part), "{part}: {made}");
    }

    let config = json!({"cleanup.policy": "compact,delete", "max.message.bytes": 1_000_000});
    apply("posts", json!({"topicName": "Posts_events", "partitions": 4, "config": config})).await;
    kafka.wait_for("KafkaTopic", "posts", READY).await;
    let changed = line().await;
    for part in [&id, "PartitionCount: 4", "max.message.bytes=1000000", "cleanup.policy=compact,delete"] {
        assert!(changed.contains(part), "{part}: {changed}");
    }
    assert!(!changed.contains("retention.ms"), "settings that aren't asked for any more are gone: {changed}");

    apply("twin", json!({"topicName": "Posts_events"})).await;
    apply("posts", json!({"topicName": "Posts_events", "partitions": 3, "config": config})).await;
    apply("copied", json!({"replicas": 3})).await;
    for (name, reason, words) in [
        ("posts", "NotSupported", "it has 4"),
        ("twin", "ResourceConflict", "posts"),
        ("copied", "KafkaError", "replicate"),
    ] {
        let refusal = kafka.wait_for("KafkaTopic", name, ("Ready", "False")).await.1;
        assert_eq!(refusal["reason"], reason, "{refusal}");
        assert!(refusal["message"].as_str().unwrap().contains(words), "{refusal}");
    }

    for name in ["twin", "posts"] {
        kafka.objects("KafkaTopic").delete(name, &DeleteParams::default()).await.unwrap();
        eventually_within(PATIENCE, "the object is let go", async || {
            kafka.objects("KafkaTopic").get_opt(name).await.ok()?.is_none().then_some(())
        })
        .await;
        let there = kafka.ask(TOPICS, &["--list"]).await.unwrap().contains("Posts_events");
        assert_eq!(there, name == "twin", "a topic goes with the object that has it");
    }
}

async fn it_tells_where_it_is_and_schemas_refuse_what_they_do_not_know(
    client: &Client,
    room: &TestStack,
    kafka: &Cluster,
) {
    let status = kafka.wait_for("Kafka", "events", READY).await.0.data["status"].clone();
    let listener = &status["listeners"][0];
    let address = format!("events-kafka-bootstrap.{}.svc:9093", room.namespace);
    assert_eq!([&listener["name"], &listener["bootstrapServers"]], ["tls", address.as_str()]);
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &room.namespace);
    let authority = secrets.get("events-cluster-ca-cert").await.unwrap().data.unwrap();
    assert_eq!(listener["certificates"], json!([str::from_utf8(&authority["ca.crt"].0).unwrap()]));

    let acl =
        |operation: &str| json!([{"resource": {"type": "topic", "name": "x"}, "operations": [operation]}]);
    for (kind, spec, field) in [
        ("KafkaTopic", json!({"partitions": 0}), "spec.partitions"),
        ("KafkaUser", json!({"authentication": {"type": "password"}}), "spec.authentication.type"),
        ("KafkaUser", json!({"authorization": {"type": "simple", "acls": acl("Publish")}}), "operations[0]"),
        ("KafkaUser", json!({"authorization": {"type": "simple"}}), "spec.authorization.acls"),
    ] {
        let refused = kafka.apply(kind, "wrong", &spec).await.unwrap_err().to_string();
        assert!(refused.contains("is invalid") && refused.contains(field), "{refused}");
    }
}

/// A stack waits until the Kafka is open to it, then works as with one of its own.
async fn a_stack_works_with_it(client: &Client, room: &TestStack, kafka: &Cluster) {
    let stack = TestStack { name: "demo".into(), ..room.clone() };
    let open_to = async |stacks: &str| {
        let patch =
            Patch::Merge(json!({"metadata": {"annotations": {"tracklore.io/allowed-stacks": stacks}}}));
        kafka.objects("Kafka").patch("events", &PatchParams::default(), &patch).await.unwrap();
    };
    open_to("others").await;
    let mut spec = stack.spec();
    spec["kafka"] = json!({"strimzi": {"clusterRef": {"name": "events"}}});
    spec["deletionPolicy"] = json!("Delete");
    stack.apply(client, &spec).await.unwrap();
    let said = stack.wait_for(client, PATIENCE, "KafkaReady", "False").await;
    assert!(
        said.ends_with("its annotation tracklore.io/allowed-stacks doesn't name demo; add it there"),
        "{said}"
    );
    assert!(
        kafka.objects("KafkaUser").get_opt("demo-auth").await.unwrap().is_none(),
        "nor has it a user there"
    );
    open_to("others, demo").await;
    stack.wait_until_ready(client).await;
    let mut ada = Person::sign_up(&stack.url(client).await, &name("ada")).await;
    let post = ada.post("by way of somebody else's Kafka").await;
    let shown = |items: &[Value]| items.iter().any(|item| item["post"]["id"] == json!(post));
    ada.feed("/v1/feed/global", "the post", shown).await;

    let topic = format!("{}.demo.posts-events", stack.namespace);
    let partitions = async || {
        let described = kafka.ask(TOPICS, &["--describe", "--topic", &topic]).await.ok()?;
        described.split_once("PartitionCount: ")?.1.split_whitespace().next().map(str::to_owned)
    };
    assert_eq!(partitions().await.as_deref(), Some("3"));
    spec["kafka"]["topics"] = json!([{"name": "posts-events", "partitions": 6}]);
    stack.apply(client, &spec).await.unwrap();
    eventually_within(PATIENCE, "Kafka has six partitions", async || {
        (partitions().await? == "6").then_some(())
    })
    .await;
    stack.wait_until_ready(client).await;
    let of_feed = kafka.ask(ACLS, &["--list", "--principal", "User:demo-feed"]).await.unwrap();
    assert!(!of_feed.contains("demo-posts") && of_feed.contains(&topic), "{of_feed}");
    let writes = of_feed.lines().filter(|line| line.contains("WRITE")).count();
    assert_eq!(writes, 3, "the feed writes its three topics of dead letters, and no others: {of_feed}");

    tracklore(&stack, &["rotate"]).await.unwrap();
    stack.wait_for(client, PATIENCE, "Progressing", "False").await;
    eventually_within(PATIENCE, "the users whose turn it is have rights, and no others", async || {
        let rights = kafka.ask(ACLS, &["--list"]).await.ok()?;
        let may = |user: String| rights.contains(&format!("principal=User:{user},"));
        let mut services = ["auth", "user", "posts", "feed"].into_iter();
        services
            .all(|service| may(format!("demo-{service}-2")) && !may(format!("demo-{service}")))
            .then_some(())
    })
    .await;
    let post = ada.post("by another login").await;
    let shown = |items: &[Value]| items.iter().any(|item| item["post"]["id"] == json!(post));
    ada.feed("/v1/feed/global", "the next post", shown).await;

    stack.stacks(client).delete(&stack.name, &DeleteParams::foreground()).await.unwrap();
    eventually_within(PATIENCE, "topics and users are gone with their stack", async || {
        let topics = kafka.ask(TOPICS, &["--list"]).await.ok()?;
        let users = kafka.ask(CONFIGS, &["--describe", "--entity-type", "users"]).await.ok()?;
        (!topics.contains(&stack.namespace) && !users.contains("demo-")).then_some(())
    })
    .await;
}

/// What a client of this user is told when it tries to write, and then to read.
async fn tries(client: &Client, room: &TestStack, user: &str) -> (String, String) {
    let name = name(user);
    let login = json!({"secretKeyRef": {"name": user, "key": "sasl.jaas.config"}});
    let pod = json!({
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "client", "image": "docker.io/apache/kafka:4.3.1", "command": ["sh", "-euc", CLIENT],
                "env": [{"name": "LOGIN", "valueFrom": login}, {"name": "WHO", "value": user}],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "authority", "mountPath": "/authority"}]
            }],
            "volumes": [{"name": "authority", "secret": {"secretName": "events-cluster-ca-cert"}}]
        }
    });
    let pods: Api<Pod> = Api::namespaced(client.clone(), &room.namespace);
    pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    eventually_within(PATIENCE, &format!("{name} has tried"), async || {
        let phase = pods.get(&name).await.ok()?.status?.phase?;
        assert_ne!(phase, "Failed", "the script of {name} can't be run");
        (phase == "Succeeded").then_some(())
    })
    .await;
    let told = pods.logs(&name, &LogParams::default()).await.unwrap();
    let (to_write, to_read) = told.split_once("to read:").unwrap();
    (to_write.to_owned(), to_read.to_owned())
}
