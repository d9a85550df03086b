//! A Kafka as if Strimzi ran it, for tests: the CRDs are Strimzi's, the Kafka is real, and a stand-in for Strimzi's operators does to
//! it what the objects ask for, and says so in their status, as Strimzi's documents describe it.
//!
//! It knows topics, users with SCRAM-SHA-512 and their ACLs. What it doesn't know (quotas, certificates as log-ins, replicas that
//! change) it refuses in the status.

mod acls;
mod broker;
mod report;
mod topics;
mod users;

use std::{process::Command, time::Duration};

use futures::{
    StreamExt,
    stream::{BoxStream, select},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
    runtime::{WatchStreamExt, watcher},
};
use serde_json::{Value, json};
use tokio::{join, task::JoinSet, time::timeout};
use tracklore_testkit::eventually_within;

use crate::{authority::Certified, servers::secret, shell, stack::is_ready};
use broker::{Broker, CLUSTER_ID};

/// Names the file with the CRDs; `make test-e2e` brings them.
const CRDS: &str = "TRACKLORE_STRIMZI_CRDS";
const MANIFESTS: &str = include_str!("../../strimzi/kafka.yaml");
/// Names the cluster that an object is about.
const LABEL: &str = "strimzi.io/cluster";
const PATIENCE: Duration = Duration::from_mins(4);
/// When to look again though no object has changed: a Secret may have, or Kafka may be well again.
const AGAIN: Duration = Duration::from_secs(5);
/// How many of Kafka's tools run at a time for topics, and as many for users; each is a JVM.
const AT_ONCE: usize = 2;

/// A Kafka cluster, with the stand-in at work as long as this lives.
pub struct Cluster {
    client: Client,
    broker: Broker,
    operators: JoinSet<()>,
}

impl Cluster {
    /// Installs the CRDs where they are missing, and makes a `Kafka` of this name that is ready.
    pub async fn start(client: &Client, namespace: &str, name: &str) -> Self {
        let crds = std::env::var(CRDS)
            .unwrap_or_else(|_| unreachable!("{CRDS} isn't set. Run the tests by `make test-e2e`."));
        let install = ["apply", "--server-side", "--force-conflicts", "-f", &crds];
        shell::run("kubectl", &install).await.expect("the CRDs are installed");

        let broker = Broker::new(namespace, name);
        let Certified { authority, certificate, key } = Certified::new(broker.certified_names());
        let trusted = [("ca.crt", authority.clone())];
        secret(client, namespace, &format!("{name}-cluster-ca-cert"), &trusted).await;
        let shown = [("kafka.pem", format!("{key}{certificate}"))];
        secret(client, namespace, &broker.pod(), &shown).await;
        let manifests = [("@CLUSTER@", name), ("@NAMESPACE@", namespace), ("@CLUSTER_ID@", CLUSTER_ID)]
            .into_iter()
            .fold(MANIFESTS.to_owned(), |text, (place, value)| text.replace(place, value));
        // The API server takes objects of a new kind a moment after the kind.
        eventually_within(PATIENCE, "the cluster knows Kafkas", async || {
            shell::run_with("kubectl", &["apply", "-n", namespace, "-f", "-"], &manifests).await.ok()
        })
        .await;
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        eventually_within(PATIENCE, &format!("{} is ready", broker.pod()), async || {
            is_ready(&pods.get(&broker.pod()).await.ok()?).then_some(())
        })
        .await;

        let kafkas = objects(client, namespace, "Kafka");
        let kafka = kafkas.get(name).await.expect("the Kafka is there");
        report::report(&kafkas, &kafka, &report::ready(broker.status(&authority))).await;
        let mut operators = JoinSet::new();
        operators.spawn(operate(client.clone(), broker.clone()));
        Self { client: client.clone(), broker, operators }
    }

    /// The objects of a kind beside the cluster.
    pub fn objects(&self, kind: &str) -> Api<DynamicObject> {
        objects(&self.client, &self.broker.namespace, kind)
    }

    /// Applies a `KafkaTopic` or `KafkaUser` of this cluster; the API server's refusal is the error.
    pub async fn apply(&self, kind: &str, name: &str, spec: &Value) -> Result<DynamicObject, kube::Error> {
        let object = json!({
            "apiVersion": "kafka.strimzi.io/v1", "kind": kind,
            "metadata": {"name": name, "labels": {LABEL: self.broker.cluster}}, "spec": spec
        });
        let parameters = PatchParams::apply("end-to-end-test").force();
        self.objects(kind).patch(name, &parameters, &Patch::Apply(&object)).await
    }

    /// Waits until an object has a condition of this type and status for its present generation; gives both.
    pub async fn wait_for(&self, kind: &str, name: &str, condition: (&str, &str)) -> (DynamicObject, Value) {
        let what = format!("{kind} {name} has the condition {condition:?}");
        eventually_within(PATIENCE, &what, async || {
            let object = self.objects(kind).get(name).await.ok()?;
            let found = report::present_condition(&object, condition)?;
            Some((object, found))
        })
        .await
    }

    /// Asks Kafka itself, by one of its own tools: the class, and its arguments without the address.
    pub async fn ask(&self, class: &str, arguments: &[&str]) -> Result<String, String> {
        self.broker.tool(class, arguments, "").await
    }
}

fn objects(client: &Client, namespace: &str, kind: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("kafka.strimzi.io", "v1", kind);
    Api::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk(&kind))
}

impl Drop for Cluster {
    /// Topics would keep their namespace for ever: nobody is left who lets them go.
    fn drop(&mut self) {
        self.operators.abort_all();
        let script = r#"kubectl -n "$0" get kafkatopics -o name |
            xargs -r kubectl -n "$0" patch --type merge --patch '{"metadata": {"finalizers": null}}'"#;
        let released = Command::new("sh").args(["-c", script, &self.broker.namespace]).output();
        if !released.is_ok_and(|output| output.status.success()) {
            println!("{}: its topics keep it, take their finalizers off", self.broker.namespace);
        }
    }
}

/// Does what objects ask for whenever one has changed.
async fn operate(client: Client, broker: Broker) {
    let topics = objects(&client, &broker.namespace, "KafkaTopic");
    let users = objects(&client, &broker.namespace, "KafkaUser");
    let mut told = users::Told::default();
    // changes that come together are one pass
    let mut changes = select(changes(&topics, &broker), changes(&users, &broker)).ready_chunks(100);
    loop {
        drop(timeout(AGAIN, changes.next()).await);
        let (topics, users) =
            join!(topics::pass(&topics, &broker), users::pass(&client, &users, &broker, &mut told));
        for error in [topics, users].into_iter().filter_map(Result::err) {
            println!("{}: the stand-in for Strimzi tries again: {error}", broker.namespace);
        }
    }
}

fn changes(objects: &Api<DynamicObject>, broker: &Broker) -> BoxStream<'static, ()> {
    let labelled = watcher::Config::default().labels(&broker.selector());
    watcher::watcher(objects.clone(), labelled).default_backoff().map(drop).boxed()
}
