//! `kubectl tracklore` against stacks that run.

use std::{
    collections::BTreeSet,
    fs::Permissions,
    os::unix::fs::{PermissionsExt, symlink},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{PersistentVolumeClaim, Secret, Service},
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use reqwest::Method;
use serde_json::{Value, json};
use tracklore_e2e::{
    COMPONENTS, Person, TestStack, condition,
    plugin::{program, told, tracklore},
    shell,
};
use tracklore_testkit::eventually_within;

use crate::{client, name, shared_stack};

#[tokio::test]
async fn a_stack_is_told_in_a_second_and_looked_over() {
    let stack = shared_stack(&client().await).await;
    let began = Instant::now();
    let status: Value =
        serde_json::from_str(&tracklore(stack, &["status", "-o", "json"]).await.unwrap()).unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "it took {:?}", began.elapsed());
    assert_eq!((status["name"].as_str(), status["ready"].as_bool()), (Some("shared"), Some(true)));
    assert_eq!(status["parts"].as_array().unwrap().len(), 8);
    assert_eq!(status["dependencies"], json!([]), "the operator runs all of them");
    let text = tracklore(stack, &["status", "--watch"]).await.unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("Ready for"), "{text}");
    // another test may just have asked for something, which is a finding until it's there
    finds(stack, "nothing", |found| found.iter().all(|finding| finding["is"] == "fine")).await;
    let text = tracklore(stack, &["doctor"]).await.unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for known in
        ["Kubernetes v1.", "kubectl-tracklore ", "the first certificate that ends, of Secret shared-"]
    {
        assert!(text.contains(known), "{known}: {text}");
    }
}

/// Waits until the doctor finds what is looked for.
async fn finds(stack: &TestStack, what: &str, is_found: impl Fn(&[Value]) -> bool) {
    eventually_within(Duration::from_mins(2), &format!("the doctor finds {what}"), async || {
        let found = told(stack, &["doctor", "-o", "json"]).await.unwrap();
        let found: Vec<Value> = serde_json::from_str(&found).unwrap();
        is_found(&found).then_some(())
    })
    .await;
}

/// Waits until the doctor finds something wrong, in these words.
async fn finds_wrong(stack: &TestStack, words: &str) {
    let wrong = |finding: &Value| {
        finding["is"] == "wrong"
            && finding["sentence"].as_str().is_some_and(|sentence| sentence.contains(words))
    };
    finds(stack, words, |found| found.iter().any(wrong)).await;
}

/// kubectl itself asks for completion, by the program that the plugin prints.
#[tokio::test]
async fn kubectl_completes_commands_and_names_of_stacks() {
    let stack = shared_stack(&client().await).await;
    let folder = tempfile::tempdir().unwrap();
    let completer = folder.path().join("kubectl_complete-tracklore");
    std::fs::write(&completer, tracklore(stack, &["completion", "--kubectl"]).await.unwrap()).unwrap();
    std::fs::set_permissions(&completer, Permissions::from_mode(0o755)).unwrap();
    symlink(program(), folder.path().join("kubectl-tracklore")).unwrap();
    let path = format!("PATH={}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let complete = async |words: &[&str]| {
        let line = [&path, "kubectl", "__complete", "tracklore"];
        let said = shell::run("env", &[&line[..], words].concat()).await.unwrap();
        said.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["re"]).await, ["resume", "restore", "rebuild-feed", "render", ":4"]);
    assert_eq!(complete(&["status", "-n", &stack.namespace, "--stack", ""]).await, ["shared", ":4"]);
    assert_eq!(complete(&["logs", "--follow", "p"]).await, ["posts", "postgres", ":4"]);
    assert!(complete(&["status", "-n", "test-shared"]).await.contains(&stack.namespace));
    // shells put the option before it again
    for option in ["--namespace=test-shared", "-n=test-shared"] {
        assert!(complete(&["status", option]).await.contains(&stack.namespace), "{option}");
    }
    let in_one_word = format!("-n={}", stack.namespace);
    assert_eq!(complete(&["status", &in_one_word, "--stack="]).await, ["shared", ":4"]);
}

#[tokio::test]
async fn logs_are_merged_and_nothing_is_restored_from_nowhere() {
    let stack = shared_stack(&client().await).await;
    let logs = tracklore(stack, &["logs", "auth", "feed", "--since", "36000"]).await.unwrap();
    let parts: BTreeSet<_> = logs.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(parts.contains("auth") && parts.contains("feed") && !parts.contains("kafka"), "{parts:?}");
    let logs = tracklore(stack, &["logs", "auth", "--since", "36000", "-o", "json"]).await.unwrap();
    for line in logs.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["part"] == "auth" && line["pod"].is_string() && line["text"].is_string(), "{line}");
    }
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
    let told: Value =
        serde_json::from_str(&tracklore(stack, &["rebuild-feed", "-o", "json"]).await.unwrap()).unwrap();
    let said = told["said"].as_str().unwrap();
    assert!(
        told["rebuilt"] == true && said.contains("the rebuilt read model is the one that is read"),
        "{told}"
    );
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
async fn who_leaves_the_operator_behind_keeps_what_serves() {
    let client = client().await;
    let stack = TestStack::namespace(&client, "orphan").await;
    prepare_copies(&client, &stack).await;
    let mut spec = stack.spec();
    spec["backup"] = json!({
        "schedule": "0 3 1 1 *", "target": {"claim": {"name": "copies"}}, "keySecretRef": {"name": "copies"}
    });
    stack.apply(&client, &spec).await.unwrap();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &stack.namespace);
    let patience = Duration::from_mins(2);
    eventually_within(patience, "the gateway is there", async || {
        deployments.get_opt("orphan-gateway").await.ok()?.map(drop)
    })
    .await;
    tells_what_happened(&stack).await;
    is_left_alone_while_it_is_paused(&client, &stack, &spec).await;
    stack.wait_until_ready(&client).await;
    keeps_a_copy(&stack).await;
    tells_what_is_broken(&client, &stack).await;

    let ada = Person::sign_up(&stack.url(&client).await, &name("ada")).await;
    tracklore(&stack, &["status", "--watch"]).await.unwrap();
    let before = uids(&client, &stack).await;
    assert_eq!(before.len(), COMPONENTS.len(), "{before:?}");
    let refused = tracklore(&stack, &["orphan"]).await.unwrap_err();
    assert!(refused.contains("--yes"), "{refused}");
    tracklore(&stack, &["orphan", "--yes"]).await.unwrap();
    assert!(stack.stacks(&client).get_opt("orphan").await.unwrap().is_none());
    let gateway = deployments.get("orphan-gateway").await.unwrap();
    assert!(gateway.owner_references().is_empty() && gateway.metadata.deletion_timestamp.is_none());
    let services = stack.list::<Service>(&client).await;
    assert!(services.len() >= 7 && services.iter().all(|service| service.owner_references().is_empty()));
    let body = json!({"text": "nobody looks after us"});
    let post = ada.call(Method::POST, "/v1/posts", Some(&body)).await.json["id"].as_str().unwrap().to_owned();
    eventually_within(patience, "the post is in the feed", async || shown(&ada, &post).await).await;
    assert_eq!(uids(&client, &stack).await, before, "no pod was replaced");
    stack.discard(&client).await;
}

/// What runs of a stack.
async fn uids(client: &Client, stack: &TestStack) -> BTreeSet<String> {
    let pods = stack.pods(client, &COMPONENTS).await;
    pods.iter().map(|pod| format!("{} {}", pod.name_any(), pod.uid().unwrap())).collect()
}

/// A place for copies, and a key.
async fn prepare_copies(client: &Client, stack: &TestStack) {
    let claim = json!({"metadata": {"name": "copies"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}
    }});
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), &stack.namespace);
    claims.create(&PostParams::default(), &serde_json::from_value(claim).unwrap()).await.unwrap();
    let key = json!({"metadata": {"name": "copies"}, "stringData": {"key": format!("{:064x}", rand::random::<u128>())}});
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &stack.namespace);
    secrets.create(&PostParams::default(), &serde_json::from_value(key).unwrap()).await.unwrap();
}

/// A copy is told for programs, and listed.
async fn keeps_a_copy(stack: &TestStack) {
    let made: Value =
        serde_json::from_str(&tracklore(stack, &["backup", "-o", "json"]).await.unwrap()).unwrap();
    assert!(made["kept"] == true && made["said"].as_str().is_some_and(|said| !said.is_empty()), "{made}");
    let listed: Value =
        serde_json::from_str(&tracklore(stack, &["restore", "-o", "json"]).await.unwrap()).unwrap();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
}

/// The doctor says which Secret lacks a key, and that there are dead letters; these are shown and dropped.
async fn tells_what_is_broken(client: &Client, stack: &TestStack) {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &stack.namespace);
    let key = secrets.get("copies").await.unwrap().data.unwrap();
    let change = async |value: Value| {
        let patch = Patch::Merge(json!({"data": {"key": value}}));
        secrets.patch("copies", &PatchParams::default(), &patch).await.unwrap();
    };
    change(Value::Null).await;
    finds_wrong(stack, "Secret copies of backup.keySecretRef lacks key").await;
    change(json!(key["key"])).await;

    poison(client, stack).await;
    finds_wrong(stack, "kubectl tracklore dlq feed list").await;
    let listed = tracklore(stack, &["dlq", "feed", "list", "-o", "json"]).await.unwrap();
    let letter: Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    let id = letter["id"].as_str().unwrap();
    let shown: Value =
        serde_json::from_str(&tracklore(stack, &["dlq", "feed", "show", id]).await.unwrap()).unwrap();
    assert!(shown["id"] == id && shown["key"] == "poison", "{shown}");
    let stays = tracklore(stack, &["dlq", "feed", "redrive", id]).await.unwrap_err();
    assert!(stays.contains("1 of 1 dead letters could not be applied and stay"), "{stays}");
    let gone = tracklore(stack, &["dlq", "feed", "discard", id]).await.unwrap();
    assert!(gone.contains("discarded"), "{gone}");
    assert_eq!(tracklore(stack, &["dlq", "feed", "list"]).await.unwrap(), "");
    finds(stack, "nothing any more", |found| found.iter().all(|finding| finding["is"] == "fine")).await;
}

/// Writes a record among the events of posts that nobody can process, beside Kafka and with the rights of posts.
async fn poison(client: &Client, stack: &TestStack) {
    let login = Api::<Secret>::namespaced(client.clone(), &stack.namespace)
        .get(&format!("{}-kafka-posts", stack.name))
        .await
        .unwrap();
    let login: Vec<_> = login.data.unwrap().into_iter().map(|(key, value)| (key, value.0)).collect();
    let part = |part: &str| {
        let (_, value) = login.iter().find(|(key, _)| key.starts_with(part)).unwrap();
        String::from_utf8(value.clone()).unwrap()
    };
    let script = "umask 077; read -r password; \
        printf '%s\\n' security.protocol=SASL_SSL sasl.mechanism=SCRAM-SHA-512 ssl.truststore.type=PEM \
        \"ssl.truststore.location=$AUTHORITY\" buffer.memory=1000000 \
        \"sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\\\"$1\\\" \
        password=\\\"$password\\\";\" >/run/kafka/login.properties; \
        exec java -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '/opt/kafka/libs/*' \
        org.apache.kafka.tools.ConsoleProducer --bootstrap-server \"$HOSTNAME.$NODES_HOST:9092\" \
        --command-config /run/kafka/login.properties --topic posts-events --reader-property parse.key=true >&2";
    let pod = format!("{}-kafka-0", stack.name);
    let exec =
        ["--context", "kind-tracklore", "--namespace", &stack.namespace, "exec", "--stdin", &pod, "--"];
    let user = part("username");
    let command = ["sh", "-euc", script, "sh", &user];
    let input = format!("{}\npoison\t{{\"id\":1}}\n", part("password"));
    shell::run_with("kubectl", &[&exec[..], &command].concat(), &input).await.unwrap();
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
async fn is_left_alone_while_it_is_paused(client: &Client, stack: &TestStack, spec: &Value) {
    let patience = Duration::from_mins(2);
    let paused = async || {
        let stored = stack.stacks(client).get(&stack.name).await.ok()?;
        let progressing = condition(&stored, "Progressing")?;
        let seen = stored.data["status"]["observedGeneration"].as_i64() == stored.metadata.generation;
        (seen && progressing["reason"] == "Paused").then_some(())
    };
    let said: Value =
        serde_json::from_str(&tracklore(stack, &["pause", "-o", "json"]).await.unwrap()).unwrap();
    assert_eq!(said, json!({"namespace": stack.namespace, "stack": "orphan", "paused": true}));
    eventually_within(patience, "the operator leaves it alone", paused).await;

    let services: Api<Service> = Api::namespaced(client.clone(), &stack.namespace);
    services.delete("orphan-feed", &DeleteParams::default()).await.unwrap();
    let mut spec = spec.clone();
    spec["paused"] = json!(true);
    spec["deletionPolicy"] = json!("Delete");
    stack.apply(client, &spec).await.unwrap();
    eventually_within(patience, "the operator has seen the other spec", paused).await;
    assert!(services.get_opt("orphan-feed").await.unwrap().is_none(), "nothing is repaired");

    let said = tracklore(stack, &["resume"]).await.unwrap();
    assert!(said.contains("takes care of the stack again"), "{said}");
    eventually_within(patience, "it's repaired", async || {
        services.get_opt("orphan-feed").await.ok()?.map(drop)
    })
    .await;
}
