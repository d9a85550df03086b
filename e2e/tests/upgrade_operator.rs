//! The operator is upgraded while people use a stack, and set back to what it was. A program of its own, because there is one
//! operator for all stacks of the cluster. When it is killed midway, the next `make up` or `make test` installs what was there.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests fail loudly")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    panic::{AssertUnwindSafe, resume_unwind},
    path::Path,
    pin::pin,
    time::Duration,
};

use futures::FutureExt;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, StatefulSet},
        coordination::v1::Lease,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
    },
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::sleep;
use tracklore_e2e::{COMPONENTS, Crowd, TestStack, condition, shell};
use tracklore_testkit::eventually_within;

const OPERATOR: &str = "tracklore-operator";
const NAMESPACE: &str = "tracklore-system";
/// For all that takes seconds: a handover, a Service that is made anew, a Deployment that rolls.
const PATIENCE: Duration = Duration::from_mins(3);

/// What an operator looks like that is upgraded: its replicas, and the version of its chart, which no real one reaches.
const UPGRADES: [(usize, &str); 3] = [(1, "999.0.1"), (2, "999.0.2"), (2, "999.0.3")];

#[tokio::test]
async fn an_upgrade_of_the_operator_and_the_way_back_fail_no_request_and_restart_nothing_of_a_stack() {
    let client = Client::try_default().await.unwrap();
    let first = helm(&["list", "--filter", OPERATOR, "--output", "json"]).await.unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    let first = first[0]["revision"].as_str().unwrap();
    let installed = helm(&["get", "manifest", OPERATOR]).await.unwrap();
    let tried = AssertUnwindSafe(Box::pin(there_and_back(&client, first))).catch_unwind().await;
    if let Err(failure) = tried {
        println!("after a failure: {:?}", roll_back(first).await);
        resume_unwind(failure);
    }
    assert_eq!(helm(&["get", "manifest", OPERATOR]).await.unwrap(), installed);
}

async fn there_and_back(client: &Client, first: &str) {
    let charts = tempfile::tempdir().unwrap();
    let replicas = operators(client).await.len();
    let stack = TestStack::start(client, "upgraded").await;
    stack.wait_for(client, PATIENCE, "Progressing", "False").await;
    let mut crowd = Crowd::sign_up(&stack.url(client).await, "crowd").await;
    for (replicas, version) in UPGRADES {
        let what = format!("the operator becomes {version} with {replicas} replicas");
        replaced(client, &stack, &mut crowd, &what, replicas, upgrade(charts.path(), version, replicas))
            .await;
    }

    let feed = pods(client, &stack, &["feed"]).await;
    let mut spec = stack.spec();
    spec["services"]["feed"]["env"] = json!([{"name": "TRACKLORE_LOG", "value": "warn"}]);
    crowd
        .while_it("the later operator rolls out a change", async {
            stack.apply(client, &spec).await.unwrap();
            stack.wait_for(client, PATIENCE, "Progressing", "False").await;
        })
        .await;
    assert!(pods(client, &stack, &["feed"]).await.keys().all(|pod| !feed.contains_key(pod)), "{feed:?}");

    replaced(client, &stack, &mut crowd, "the operator is what it was", replicas, roll_back(first)).await;
    stack.discard(client).await;
}

/// Replaces the operator under requests: another one works then, and nothing of the stack was touched.
async fn replaced(
    client: &Client,
    stack: &TestStack,
    crowd: &mut Crowd,
    what: &str,
    replicas: usize,
    change: impl Future<Output = Result<String, String>>,
) {
    let (untouched, old) = (all(client, stack).await, operators(client).await);
    // those who are connected don't need it
    let removed = format!("{}-kafka", stack.name);
    let change = Box::pin(async {
        change.await.unwrap();
        let new = operators(client).await;
        assert!(new.len() == replicas && new.is_disjoint(&old), "{old:?} → {new:?}");
        eventually_within(PATIENCE, "one of the new pods works", async || {
            let holder = lease(client).await?.spec?.holder_identity?;
            new.iter().any(|pod| holder.starts_with(pod)).then_some(())
        })
        .await;
        // A stack has one pass at a time: who mends it twice has looked over all of it once.
        for _ in 0..2 {
            heals(client, stack, &removed).await;
        }
        stack.wait_for(client, PATIENCE, "Progressing", "False").await;
    });
    crowd
        .while_it(what, async {
            let pause = longest_pause(client, change).await;
            println!("while {what} nobody renewed the Lease for {:.1} s at most", pause.as_secs_f64());
        })
        .await;
    stack.wait_until_ready(client).await;
    let touched = differing(&untouched, &all(client, stack).await);
    assert_eq!(touched, [format!("Service/{removed}")], "{what}");
}

/// Removes a Service, which is made again.
async fn heals(client: &Client, stack: &TestStack, service: &str) {
    let services: Api<Service> = Api::namespaced(client.clone(), &stack.namespace);
    services.delete(service, &DeleteParams::default()).await.unwrap();
    eventually_within(PATIENCE, &format!("the Service {service} is there again"), async || {
        let there = services.get_opt(service).await.ok()??;
        there.metadata.deletion_timestamp.is_none().then_some(())
    })
    .await;
}

/// What the operator may touch, with what it would change by that: pods with their restarts, the generation of what has one, the
/// version of other objects, and since when the stack is ready.
async fn all(client: &Client, stack: &TestStack) -> BTreeMap<String, String> {
    let mut all = pods(client, stack, &COMPONENTS).await;
    all.extend(marks::<Deployment>(client, stack).await);
    all.extend(marks::<StatefulSet>(client, stack).await);
    all.extend(marks::<NetworkPolicy>(client, stack).await);
    all.extend(marks::<Service>(client, stack).await);
    all.extend(marks::<ServiceAccount>(client, stack).await);
    all.extend(marks::<ConfigMap>(client, stack).await);
    all.extend(marks::<Secret>(client, stack).await);
    all.extend(marks::<PersistentVolumeClaim>(client, stack).await);
    let ready = condition(&stack.stacks(client).get(&stack.name).await.unwrap(), "Ready").unwrap();
    assert_eq!(ready["status"], "True", "{ready}");
    all.insert("Ready".to_owned(), ready["lastTransitionTime"].to_string());
    all
}

async fn pods(client: &Client, stack: &TestStack, components: &[&str]) -> BTreeMap<String, String> {
    let mark = |pod: Pod| {
        let name = format!("Pod/{}", pod.name_any());
        let (uid, status) = (pod.uid().unwrap(), pod.status.unwrap_or_default());
        let containers = [status.init_container_statuses, status.container_statuses].into_iter().flatten();
        let restarts: i32 = containers.flatten().map(|container| container.restart_count).sum();
        (name, format!("{uid} with {restarts} restarts"))
    };
    stack.pods(client, components).await.into_iter().map(mark).collect()
}

async fn marks<K>(client: &Client, stack: &TestStack) -> BTreeMap<String, String>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let mark = |object: K| {
        let name = format!("{}/{}", K::kind(&()), object.name_any());
        let generation = object.meta().generation.map(|generation| generation.to_string());
        let version = generation.or(object.resource_version()).unwrap();
        (name, format!("{} at {version}", object.uid().unwrap()))
    };
    stack.list::<K>(client).await.into_iter().map(mark).collect()
}

/// Names of what is in one and not, or otherwise, in the other.
fn differing(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// Names of the operator's pods that aren't on their way out.
async fn operators(client: &Client) -> BTreeSet<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let label = format!("app.kubernetes.io/name={OPERATOR}");
    let pods = pods.list(&ListParams::default().labels(&label)).await.unwrap().items.into_iter();
    pods.filter(|pod| pod.metadata.deletion_timestamp.is_none()).map(|pod| pod.name_any()).collect()
}

async fn lease(client: &Client) -> Option<Lease> {
    Api::namespaced(client.clone(), NAMESPACE).get(OPERATOR).await.ok()
}

/// For how long nobody renewed the Lease while something is done; who holds it does so every two seconds.
async fn longest_pause(client: &Client, done: impl Future<Output = ()>) -> Duration {
    let mut done = pin!(done);
    let mut renewed = BTreeSet::new();
    loop {
        tokio::select! {
            () = &mut done => break,
            () = sleep(Duration::from_millis(200)) => {}
        }
        renewed.extend(lease(client).await.and_then(|lease| Some(lease.spec?.renew_time?.0)));
    }
    let pauses =
        renewed.iter().zip(renewed.iter().skip(1)).map(|(earlier, later)| later.duration_since(*earlier));
    pauses.max().unwrap_or_default().unsigned_abs()
}

/// Installs the chart of this working tree as a later version, with the values of `install.sh` and other pods.
async fn upgrade(charts: &Path, version: &str, replicas: usize) -> Result<String, String> {
    let image = std::env::var("TRACKLORE_IMAGE_OPERATOR").map_err(|error| format!("the image: {error}"))?;
    let (repository, tag) = image.rsplit_once(':').ok_or("an image without a tag")?;
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/tracklore-operator");
    let packed = charts.to_string_lossy();
    helm(&["package", chart, "--version", version, "--app-version", version, "--destination", &packed])
        .await?;
    let package = charts.join(format!("{OPERATOR}-{version}.tgz"));
    let values = [
        format!("image.repository={repository}"),
        format!("image.tag={tag}"),
        format!("podAnnotations.tracklore\\.io/test={version}"),
    ];
    let [repository, tag, annotation] = values.each_ref().map(String::as_str);
    let replicas = format!("replicas={replicas}");
    let package = package.to_string_lossy();
    let upgrade = ["upgrade", "--install", OPERATOR, &package, "--wait", "--timeout", "3m"];
    let strings = ["--set-string", repository, "--set-string", tag, "--set-string", annotation];
    helm(&[&upgrade[..], &strings, &["--set", &replicas]].concat()).await
}

async fn roll_back(revision: &str) -> Result<String, String> {
    helm(&["rollback", OPERATOR, revision, "--wait", "--timeout", "3m"]).await
}

async fn helm(arguments: &[&str]) -> Result<String, String> {
    let place = ["--kube-context", "kind-tracklore", "--namespace", NAMESPACE];
    shell::run("helm", &[arguments, &place].concat()).await
}
