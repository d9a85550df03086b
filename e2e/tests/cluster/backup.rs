//! Copies of a stack, and a new stack that begins with one: row by row the same, with sessions that go on.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::{
    batch::v1::CronJob,
    core::v1::{PersistentVolumeClaim, Secret},
};
use kube::{Api, Client, api::PostParams};
use reqwest::Method;
use serde_json::{Value, json};
use tracklore_e2e::{Person, TestStack, bucket::Bucket, condition, plugin::tracklore, shell};
use tracklore_testkit::{Answer, eventually_within};

use crate::{client, name};

const PATIENCE: Duration = Duration::from_mins(5);
const DATABASES: [&str; 3] = ["auth", "user", "posts"];

/// What copies need: places, and a key.
async fn prepare(client: &Client, namespace: &str, bucket: &Bucket) {
    let claim = json!({"metadata": {"name": "copies"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}
    }});
    let claim: PersistentVolumeClaim = serde_json::from_value(claim).unwrap();
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    claims.create(&PostParams::default(), &claim).await.unwrap();
    let key = json!({"metadata": {"name": "copies"}, "stringData": {"key": format!("{:064x}", rand::random::<u128>())}});
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    for secret in [key, bucket.secret()] {
        let secret: Secret = serde_json::from_value(secret).unwrap();
        secrets.create(&PostParams::default(), &secret).await.unwrap();
    }
}

/// Rows and their hash, of each table of each database but the outboxes, which tell things again.
async fn content(stack: &TestStack) -> BTreeMap<String, String> {
    let query = async |database: &str, text: &str| stack.sql(&format!("tracklore_{database}"), text).await;
    let mut content = BTreeMap::new();
    for database in DATABASES {
        let tables = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'outbox%'";
        for table in query(database, tables).await.lines() {
            let hash =
                format!("SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {table} t");
            content.insert(format!("{database}.{table}"), query(database, &hash).await);
        }
    }
    content
}

/// A manifest of the new stack.
fn manifest(stack: &TestStack, spec: &Value) -> String {
    json!({
        "apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack",
        "metadata": {"name": stack.name, "namespace": stack.namespace}, "spec": spec,
    })
    .to_string()
}

/// Applies it as people do: what the plugin has applied before is taken over.
async fn apply(stack: &TestStack, spec: &Value) -> Result<String, String> {
    let arguments = ["--context", "kind-tracklore", "apply", "--server-side", "-f", "-"];
    shell::run_with("kubectl", &arguments, &manifest(stack, spec)).await
}

/// The stack is gone, so the command line says where its copies lie, and a manifest what the new one is like.
async fn begin_anew(old: &TestStack, new: &TestStack, spec: &Value, bucket: &Bucket, copy: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("begun.json").to_string_lossy().into_owned();
    std::fs::write(&file, manifest(new, spec)).unwrap();
    let shelf = &bucket.shelf()["s3"];
    let place = format!("s3://{}/{}", shelf["bucket"].as_str().unwrap(), shelf["prefix"].as_str().unwrap());
    let endpoint = shelf["endpoint"].as_str().unwrap();
    let whose = ["restore", "copied", "--as", "begun", "-f", &file, "--copy", copy];
    let said = tracklore(old, &whose).await.unwrap_err();
    assert!(said.contains("say where copies lie"), "{said}");
    let flags =
        format!("--from {place} --endpoint {endpoint} --bucket-secret s3 --ca-secret s3 --key-secret copies");
    let command = [&whose[..], &flags.split(' ').collect::<Vec<_>>()].concat();
    let told = tracklore(old, &command).await.unwrap();
    assert!(told.contains(&format!("begun begins with copy {copy}")), "{told}");
    let said = tracklore(old, &command).await.unwrap_err();
    assert!(said.contains("there is a stack begun in namespace"), "{said}");
}

async fn log_in(person: &Person) -> Value {
    let body = json!({"login": person.username, "password": person.login().password});
    Answer::of(person.anonymous(Method::POST, "/v1/auth/login").json(&body)).await.expect(200).json
}

#[tokio::test]
async fn a_new_stack_begins_with_a_copy_of_another_one_and_its_people_notice_nothing() {
    let client = client().await;
    let old = TestStack::namespace(&client, "copied").await;
    let bucket = Bucket::start().await;
    prepare(&client, &old.namespace, &bucket).await;
    let mut spec = old.spec();
    spec["backup"] = json!({
        "schedule": "0 3 1 1 *", "target": {"claim": {"name": "copies"}}, "keySecretRef": {"name": "copies"}
    });
    old.apply(&client, &spec).await.unwrap();
    old.wait_until_ready(&client).await;
    let url = old.url(&client).await;
    let mut ada = Person::sign_up(&url, &name("ada")).await;
    let grace = Person::sign_up(&url, &name("grace")).await;
    let post = ada.post("kept in a copy").await;
    let feed = |post: &str| {
        let post = json!(post);
        move |items: &[Value]| items.iter().any(|item| item["post"]["id"] == post)
    };
    ada.feed("/v1/feed/global", "the post", feed(&post)).await;
    let _ = grace.call(Method::PUT, &format!("/v1/users/me/following/{}", ada.id), None).await.expect(204);
    let session = log_in(&ada).await;

    // At rest, so that both can be compared.
    spec["suspended"] = json!(true);
    old.apply(&client, &spec).await.unwrap();
    old.wait_for(&client, PATIENCE, "Progressing", "False").await;
    for target in [json!({"claim": {"name": "copies"}}), bucket.shelf()] {
        spec["backup"]["target"] = target;
        old.apply(&client, &spec).await.unwrap();
        old.wait_for(&client, PATIENCE, "Progressing", "False").await;
        let said = tracklore(&old, &["backup"]).await.unwrap();
        assert!(said.contains("kept 20") && said.contains("posts.dump"), "{said}");
    }
    eventually_within(PATIENCE, "the stack tells that a copy was kept", async || {
        let stack = old.stacks(&client).get(&old.name).await.ok()?;
        (condition(&stack, "BackupReady")?["reason"] == "CopyKept").then_some(())
    })
    .await;
    let listed: Value =
        serde_json::from_str(&tracklore(&old, &["restore", "-o", "json"]).await.unwrap()).unwrap();
    let copy = listed[0]["name"].as_str().unwrap().to_owned();
    assert_eq!(listed.as_array().unwrap().len(), 1, "the bucket has the second one alone: {listed}");
    let kept = content(&old).await;
    assert!(kept.len() > 10, "{kept:?}");
    // A stack that isn't to be copied any more isn't.
    spec.as_object_mut().unwrap().remove("backup");
    old.apply(&client, &spec).await.unwrap();
    eventually_within(PATIENCE, "there is no schedule", async || {
        old.list::<CronJob>(&client).await.is_empty().then_some(())
    })
    .await;
    old.delete(&client).await;

    let new = TestStack { namespace: old.namespace.clone(), name: "begun".into() };
    let mut spec = new.spec();
    spec["suspended"] = json!(true);
    begin_anew(&old, &new, &spec, &bucket, &copy).await;
    spec["restore"] = new.stacks(&client).get(&new.name).await.unwrap().data["spec"]["restore"].clone();
    new.wait_for(&client, PATIENCE, "MigrationsComplete", "True").await;
    let brought_back = content(&new).await;
    for (table, rows) in &kept {
        assert_eq!(brought_back.get(table), Some(rows), "{table}");
    }
    spec["suspended"] = json!(false);
    apply(&new, &spec).await.unwrap();
    new.wait_until_ready(&client).await;

    // The session of before goes on, and so does everything else.
    let url = new.url(&client).await;
    let (mut ada, grace) = (ada.at(&url), grace.at(&url));
    let refresh = json!({"refresh_token": session["refresh_token"]});
    eventually_within(PATIENCE, "the session goes on", async || {
        let answer =
            Answer::attempt(ada.anonymous(Method::POST, "/v1/auth/refresh").json(&refresh)).await.ok()?;
        assert_ne!(answer.status, 401, "{}", answer.json);
        (answer.status == 200).then_some(())
    })
    .await;
    let _ = log_in(&grace).await;
    ada.feed("/v1/feed/global", "the post of before", feed(&post)).await;
    ada.log_in().await;
    let next = ada.post("written after it").await;
    ada.feed("/v1/feed/global", "both posts", |items| feed(&post)(items) && feed(&next)(items)).await;
    let newcomer = Person::sign_up(&url, &name("hedy")).await;
    assert!(newcomer.id > grace.id.max(ada.id), "no id is given again");

    // A copy isn't brought back twice, nor into a stack that has data.
    let mut another = spec.clone();
    another["restore"]["copy"] = json!("20200101T000000Z");
    let refused = apply(&new, &another).await.unwrap_err();
    assert!(refused.contains("restore is decided when a stack is made"), "{refused}");
    spec.as_object_mut().unwrap().remove("restore");
    apply(&new, &spec).await.unwrap();
    assert!(new.stacks(&client).get(&new.name).await.unwrap().data["spec"].get("restore").is_none());
    new.wait_until_ready(&client).await;
    new.discard(&client).await;
}
