//! A stack whose Postgres CloudNativePG runs: with a `Cluster` of its own, and in one that is there.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject},
    core::GroupVersionKind,
};
use reqwest::Method;
use serde_json::{Value, json};
use tracklore_e2e::{Person, TestStack, plugin::tracklore, shell};
use tracklore_testkit::eventually_within;

use crate::{client, name};

const PATIENCE: Duration = Duration::from_mins(5);
/// The `Cluster` of the stack's own.
const OWN: &str = "cnpg-postgres";
const IMAGE: &str = "ghcr.io/cloudnative-pg/postgresql:17.11-minimal-trixie";

/// Objects of CloudNativePG in the stack's namespace.
fn objects(client: &Client, stack: &TestStack, kind: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("postgresql.cnpg.io", "v1", kind));
    Api::namespaced_with(client.clone(), &stack.namespace, &kind)
}

fn spec(stack: &TestStack) -> Value {
    let mut spec = stack.spec();
    spec["postgres"] = json!({"cloudNativePG": {"cluster": {
        "instances": 2, "storage": {"size": "1Gi"}, "resources": {"requests": {"cpu": "10m", "memory": "128Mi"}},
        "synchronous": {"durability": "Preferred"},
        "parameters": {"shared_buffers": "32MB", "max_connections": "60"},
    }}});
    spec
}

#[tokio::test]
async fn postgres_by_cloud_native_pg_fails_over_without_losing_a_post_and_outlives_its_stack() {
    let client = client().await;
    let stack = TestStack::namespace(&client, "cnpg").await;
    make_shared_cluster(&stack).await;
    stack.apply(&client, &spec(&stack)).await.unwrap();
    stack.wait_until_ready(&client).await;
    let mut ada = Person::sign_up(&stack.url(&client).await, &name("ada")).await;
    let posts = fails_over(&client, &stack, &mut ada).await;
    only_who_should_gets_in(&client, &stack).await;

    rotates(&client, &stack, &mut ada).await;
    is_shared(&client, &stack).await;
    keeps_copies_when_asked(&client, &stack).await;

    deleted(&client, &stack).await;
    let clusters = objects(&client, &stack, "Cluster");
    assert!(clusters.get_opt(OWN).await.unwrap().is_some(), "the Cluster holds the data, and stays");
    let mut again = spec(&stack);
    again["deletionPolicy"] = json!("Delete");
    stack.apply(&client, &again).await.unwrap();
    stack.wait_until_ready(&client).await;
    let mut ada = ada.at(&stack.url(&client).await);
    ada.log_in().await;
    for id in &posts {
        let _ = ada.call(Method::GET, &format!("/v1/posts/{id}"), None).await.expect(200);
    }

    deleted(&client, &stack).await;
    eventually_within(PATIENCE, "nothing of Postgres is left", async || {
        let claims = stack.list::<PersistentVolumeClaim>(&client).await;
        let left = claims.iter().any(|claim| claim.name_any().starts_with(OWN));
        (clusters.get_opt(OWN).await.ok()?.is_none() && !left).then_some(())
    })
    .await;
    stack.discard(&client).await;
}

/// Deletes a stack and all that goes with it; instances that stay may run on.
async fn deleted(client: &Client, stack: &TestStack) {
    let stacks = stack.stacks(client);
    stacks.delete(&stack.name, &DeleteParams::foreground()).await.unwrap();
    eventually_within(PATIENCE, "the stack is gone", async || {
        stacks.get_opt(&stack.name).await.ok()?.is_none().then_some(())
    })
    .await;
}

async fn primary(client: &Client, stack: &TestStack, cluster: &str) -> Option<String> {
    let cluster = objects(client, stack, "Cluster").get(cluster).await.ok()?;
    let status = cluster.data.get("status")?;
    let (current, target) = (status["currentPrimary"].as_str()?, status["targetPrimary"].as_str()?);
    let healthy = status["instancesStatus"]["healthy"].as_array()?;
    (current == target && healthy.contains(&json!(current))).then(|| current.to_owned())
}

/// The primary is killed while somebody posts. What was posted.
async fn fails_over(client: &Client, stack: &TestStack, ada: &mut Person) -> BTreeSet<String> {
    let standby = async || {
        let cluster = objects(client, stack, "Cluster").get(OWN).await.ok()?;
        (cluster.data.get("status")?["readyInstances"] == json!(2)).then_some(())
    };
    eventually_within(PATIENCE, "there is a standby", standby).await;
    let before = primary(client, stack, OWN).await.unwrap();
    let over = AtomicBool::new(false);
    let posting = async {
        let (mut posts, mut longest) = (BTreeSet::new(), Duration::ZERO);
        loop {
            let (begun, last) = (Instant::now(), over.load(Ordering::Relaxed));
            posts.insert(ada.post("whoever writes it down").await);
            longest = longest.max(begun.elapsed());
            if last {
                println!("{} posts, the slowest took {longest:.1?}", posts.len());
                return posts;
            }
        }
    };
    let killing = async {
        let pods: Api<Pod> = Api::namespaced(client.clone(), &stack.namespace);
        pods.delete(&before, &DeleteParams::default().grace_period(0)).await.unwrap();
        eventually_within(PATIENCE, "another instance is the primary", async || {
            (primary(client, stack, OWN).await? != before).then_some(())
        })
        .await;
        over.store(true, Ordering::Relaxed);
    };
    let (posts, ()) = tokio::join!(posting, killing);
    stack.wait_until_ready(client).await;
    ada.log_in().await;
    for id in &posts {
        let _ = ada.call(Method::GET, &format!("/v1/posts/{id}"), None).await.expect(200);
    }
    posts
}

/// What the primary of a `Cluster` says to a question.
async fn asked(client: &Client, stack: &TestStack, cluster: &str, question: &str) -> String {
    asked_in(client, stack, cluster, "postgres", question).await
}

/// The same in one of its databases.
async fn asked_in(
    client: &Client,
    stack: &TestStack,
    cluster: &str,
    database: &str,
    question: &str,
) -> String {
    let primary = async || primary(client, stack, cluster).await;
    let pod = eventually_within(PATIENCE, "there is a primary", primary).await;
    let command = [
        "exec",
        "-n",
        &stack.namespace,
        &pod,
        "-c",
        "postgres",
        "--",
        "psql",
        "-d",
        database,
        "-AtXc",
        question,
    ];
    shell::run("kubectl", &command).await.unwrap().trim().to_owned()
}

/// Each service reaches its own database, and changes nothing of its shape.
async fn only_who_should_gets_in(client: &Client, stack: &TestStack) {
    let question = "SELECT string_agg(rolname || '>' || datname, ' ' ORDER BY rolname, datname) FROM pg_roles, pg_database \
        WHERE rolname ~ '^(app|tracklore_[a-z]+)$' AND datname ~ '^tracklore_' AND has_database_privilege(rolname, datname, 'CONNECT')";
    assert_eq!(
        asked(client, stack, OWN, question).await,
        "tracklore_auth>tracklore_auth tracklore_posts>tracklore_posts tracklore_user>tracklore_user"
    );
    let question = "SELECT bool_or(rolsuper OR rolcreatedb OR rolcreaterole) FROM pg_roles WHERE rolname ~ '^tracklore_'";
    assert_eq!(asked(client, stack, OWN, question).await, "f");
    let question = "SELECT has_schema_privilege('tracklore_posts', 'public', 'USAGE'), \
        has_schema_privilege('tracklore_posts', 'public', 'CREATE'), has_table_privilege('tracklore_posts', 'posts', 'INSERT'), \
        has_table_privilege('tracklore_posts', 'posts', 'TRUNCATE')";
    assert_eq!(asked_in(client, stack, OWN, "tracklore_posts", question).await, "t|f|t|f");
}

/// Roles take turns, and nobody can log in as those whose turn is over.
async fn rotates(client: &Client, stack: &TestStack, ada: &mut Person) {
    let question = "SELECT string_agg(substr(rolname, 11), ' ' ORDER BY rolname) FROM pg_roles \
        WHERE rolname ~ '^tracklore_' AND rolcanlogin";
    let roles = ["auth", "auth_migration", "posts", "posts_migration", "user", "user_migration"];
    assert_eq!(asked(client, stack, OWN, question).await, roles.join(" "));
    for suffix in ["_2", ""] {
        tracklore(stack, &["rotate"]).await.unwrap();
        stack.wait_for(client, PATIENCE, "Progressing", "False").await;
        let turn = roles.map(|role| format!("{role}{suffix}")).join(" ");
        eventually_within(PATIENCE, "one can log in as those whose turn it is, and no others", async || {
            (asked(client, stack, OWN, question).await == turn).then_some(())
        })
        .await;
        ada.post("by another login").await;
    }
}

/// A `Cluster` that somebody has made for whoever is beside it.
async fn make_shared_cluster(stack: &TestStack) {
    let cluster = json!({
        "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "shared", "namespace": stack.namespace},
        "spec": {"instances": 1, "imageName": IMAGE, "storage": {"size": "1Gi"}, "resources": {"requests": {"cpu": "10m"}},
            "postgresql": {"parameters": {"shared_buffers": "32MB"}}},
    });
    shell::run_with("kubectl", &["apply", "-f", "-"], &cluster.to_string()).await.unwrap();
}

/// A stack that has its databases there takes them along when it goes.
async fn is_shared(client: &Client, stack: &TestStack) {
    let other = TestStack { name: "other".into(), ..stack.clone() };
    let mut spec = other.spec();
    spec["postgres"] = json!({"cloudNativePG": {"clusterRef": {"name": "share", "namePrefix": "other_"}}});
    spec["gateway"] = json!({});
    spec["suspended"] = json!(true);
    spec["deletionPolicy"] = json!("Delete");
    other.apply(client, &spec).await.unwrap();
    let said = other.wait_for(client, PATIENCE, "PostgresReady", "False").await;
    assert_eq!(said, "Cluster share, which the spec names, isn't there; make it");
    spec["postgres"]["cloudNativePG"]["clusterRef"]["name"] = json!("shared");
    let refusal = other.apply(client, &spec).await.unwrap_err().to_string();
    assert!(refusal.contains("the Cluster can't change"), "{refusal}");
    deleted(client, &other).await;

    other.apply(client, &spec).await.unwrap();
    other.wait_for(client, PATIENCE, "MigrationsComplete", "True").await;
    let databases =
        "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname ~ '^other_'";
    assert_eq!(asked(client, stack, "shared", databases).await, "other_auth other_posts other_user");
    deleted(client, &other).await;
    assert_eq!(asked(client, stack, "shared", databases).await, "");
    assert_eq!(
        asked(client, stack, "shared", "SELECT count(*) FROM pg_roles WHERE rolname ~ '^other_'").await,
        "0"
    );
}

/// Copies are a plugin's, and whether it is there is CloudNativePG's to say.
async fn keeps_copies_when_asked(client: &Client, stack: &TestStack) {
    let scheduled = objects(client, stack, "ScheduledBackup");
    let mut asked = spec(stack);
    asked["postgres"]["cloudNativePG"]["cluster"]["backup"] =
        json!({"plugin": "keeper.example.org", "parameters": {"store": "here"}, "schedule": "0 3 * * *"});
    stack.apply(client, &asked).await.unwrap();
    let made =
        eventually_within(PATIENCE, "copies are scheduled", async || scheduled.get_opt(OWN).await.ok()?)
            .await;
    assert_eq!(made.data["spec"]["schedule"], "0 0 3 * * *");
    let cluster = objects(client, stack, "Cluster").get(OWN).await.unwrap();
    assert_eq!(cluster.data["spec"]["plugins"][0]["name"], "keeper.example.org");

    stack.apply(client, &spec(stack)).await.unwrap();
    eventually_within(PATIENCE, "none are any more", async || {
        scheduled.get_opt(OWN).await.ok()?.is_none().then_some(())
    })
    .await;
    stack.wait_until_ready(client).await;
}
