//! One `TrackloreStack` in a namespace of its own.

use std::{fmt::Debug, time::Duration};

use k8s_openapi::api::core::v1::{Namespace, Node, Pod, Service};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};
use tracklore_testkit::eventually_within;

use crate::shell;

/// Everything that runs in a stack.
pub const COMPONENTS: [&str; 8] = ["auth", "user", "posts", "feed", "gateway", "redis", "kafka", "postgres"];

/// A stack from nothing has to pull no image, but starts three stores and four services on a busy machine.
const READY: Duration = Duration::from_mins(8);
const GONE: Duration = Duration::from_mins(5);

/// A stack of a test.
#[derive(Clone, Debug)]
pub struct TestStack {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl TestStack {
    /// Makes a namespace that enforces restricted Pod Security, for a stack called `name`.
    pub async fn namespace(client: &Client, name: &str) -> Self {
        let namespace = format!("test-{name}-{:06x}", rand::random::<u32>() >> 8);
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": namespace, "labels": {
                "tracklore.io/test": "true", "pod-security.kubernetes.io/enforce": "restricted"
            }}
        });
        let object: Namespace = serde_json::from_value(object).expect("a namespace");
        Api::all(client.clone())
            .create(&PostParams::default(), &object)
            .await
            .expect("the namespace is made");
        Self { namespace, name: name.to_owned() }
    }

    /// The spec that the tests start from: the smallest whole stack, with the images under test.
    pub fn spec(&self) -> Value {
        // several stacks must fit on a small machine
        let small = json!({"requests": {"cpu": "10m"}});
        let image = |name: &str| {
            let variable = format!("TRACKLORE_IMAGE_{}", name.to_uppercase());
            std::env::var(&variable)
                .unwrap_or_else(|_| unreachable!("{variable} isn't set. Run the tests by `make test-e2e`."))
        };
        let service = |name: &str| json!({"image": image(name), "resources": small});
        json!({
            "version": "0.1.0",
            "publicUrl": format!("http://{}.tracklore.test", self.namespace),
            "auth": {"emailVerification": "Optional"},
            "images": {"overrides": [{"name": "backup", "image": image("backup")}]},
            "services": {
                "auth": service("auth"), "user": service("user"), "posts": service("posts"), "feed": service("feed")
            },
            "postgres": {"managed": {"storage": {"size": "1Gi"}, "resources": small}},
            "kafka": {"managed": {"storage": {"size": "1Gi"}, "resources": small}},
            "redis": {"managed": {"storage": {"size": "1Gi"}, "resources": small}},
            "gateway": {"traefik": {"service": {"type": "NodePort"}, "resources": small}}
        })
    }

    /// The same with something else in the pods of each service, so that all of them are replaced.
    pub fn spec_of_other_pods(&self) -> Value {
        let mut spec = self.spec();
        for service in ["auth", "user", "posts", "feed"] {
            spec["services"][service]["env"] = json!([{"name": "TRACKLORE_LOG", "value": "warn"}]);
        }
        spec
    }

    /// Applies the spec as `kubectl apply --server-side` would; the API server's refusal is the error.
    pub async fn apply(&self, client: &Client, spec: &Value) -> Result<DynamicObject, kube::Error> {
        let object = json!({
            "apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack",
            "metadata": {"name": self.name, "namespace": self.namespace}, "spec": spec
        });
        let parameters = PatchParams::apply("end-to-end-test").force();
        self.stacks(client).patch(&self.name, &parameters, &Patch::Apply(&object)).await
    }

    /// Makes the namespace and the stack, and waits until it is ready.
    pub async fn start(client: &Client, name: &str) -> Self {
        let stack = Self::namespace(client, name).await;
        stack.apply(client, &stack.spec()).await.expect("the stack is accepted");
        stack.wait_until_ready(client).await;
        stack
    }

    /// Waits until the condition `Ready` is true for the present generation.
    pub async fn wait_until_ready(&self, client: &Client) {
        self.wait_for(client, READY, "Ready", "True").await;
    }

    /// Waits until a condition has this status for the present generation; its message.
    pub async fn wait_for(&self, client: &Client, patience: Duration, kind: &str, status: &str) -> String {
        let mut seen = Value::Null;
        let what = format!("{}/{} has {kind}={status}", self.namespace, self.name);
        let message = eventually_within(patience, &what, async || {
            let stack = self.stacks(client).get(&self.name).await.ok()?;
            let found = condition(&stack, kind)?;
            if seen != found {
                println!("{}: {found}", self.namespace);
                seen = found.clone();
            }
            let present =
                found.get("observedGeneration").and_then(Value::as_i64) == stack.metadata.generation;
            let holds = present && found.get("status").and_then(Value::as_str) == Some(status);
            holds.then(|| found.get("message").and_then(Value::as_str).unwrap_or_default().to_owned())
        });
        message.await
    }

    /// Deletes the stack and waits until nothing of it runs.
    pub async fn delete(&self, client: &Client) {
        let deleted = self.stacks(client).delete(&self.name, &DeleteParams::foreground()).await;
        deleted.expect("the stack can be deleted");
        eventually_within(GONE, "the stack and its pods are gone", async || {
            let gone = self.stacks(client).get_opt(&self.name).await.ok()?.is_none();
            (gone && self.list::<Pod>(client).await.is_empty()).then_some(())
        })
        .await;
    }

    /// Removes the namespace with all in it, without waiting; for the end of a test that passed.
    pub async fn discard(self, client: &Client) {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let deleted = namespaces.delete(&self.namespace, &DeleteParams::default()).await;
        deleted.expect("the namespace can be deleted");
    }

    /// Address of the gateway, from this machine.
    pub async fn url(&self, client: &Client) -> String {
        self.url_of(client, &format!("{}-gateway", self.name)).await
    }

    /// Address of a Service with a node port, from this machine.
    pub async fn url_of(&self, client: &Client, service: &str) -> String {
        let services: Api<Service> = Api::namespaced(client.clone(), &self.namespace);
        let gateway = services.get(service).await.expect("the Service");
        let port = gateway.spec.and_then(|spec| spec.ports?.first()?.node_port).expect("a node port");
        let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default()).await.expect("the nodes");
        let addresses = nodes.items.into_iter().filter_map(|node| node.status?.addresses).flatten();
        let mut internal =
            addresses.filter(|address| address.type_ == "InternalIP").map(|address| address.address);
        format!("http://{}:{port}", internal.next().expect("a node with an address"))
    }

    /// Kills the component's pods without grace and waits until new ones are ready.
    pub async fn kill(&self, client: &Client, component: &str) {
        let pods: Api<Pod> = Api::namespaced(client.clone(), &self.namespace);
        let label =
            format!("app.kubernetes.io/instance={},app.kubernetes.io/component={component}", self.name);
        let selected = ListParams::default().labels(&label);
        let list = async || Some(running(pods.list(&selected).await.ok()?.items));
        let old = list().await.expect("the API answers");
        assert!(!old.is_empty(), "no pod of {component} in {}", self.namespace);
        for pod in &old {
            let killed = pods.delete(&pod.name_any(), &DeleteParams::default().grace_period(0)).await;
            killed.expect("the pod can be deleted");
        }
        eventually_within(GONE, &format!("a new pod of {component} is ready"), async || {
            let now = list().await?;
            let renewed = now.iter().all(|pod| old.iter().all(|o| o.uid() != pod.uid()));
            (renewed && now.len() == old.len() && now.iter().all(is_ready)).then_some(())
        })
        .await;
    }

    /// All objects of a kind in the namespace.
    pub async fn list<K>(&self, client: &Client) -> Vec<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + serde::de::DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(client.clone(), &self.namespace);
        api.list(&ListParams::default()).await.expect("the list").items
    }

    /// The pods of some components that aren't on their way out, without those of Jobs.
    pub async fn pods(&self, client: &Client, components: &[&str]) -> Vec<Pod> {
        let mut pods = self.list::<Pod>(client).await;
        pods.retain(|pod| {
            let name = pod.labels().get("app.kubernetes.io/name");
            let of_these = name.is_some_and(|name| components.contains(&name.as_str()));
            of_these && pod.metadata.deletion_timestamp.is_none()
        });
        pods
    }

    /// What the stack's own Postgres says to a statement, as its superuser: lines of columns apart by `|`.
    pub async fn sql(&self, database: &str, statement: &str) -> String {
        let pod = format!("{}-postgres-0", self.name);
        let exec = ["--context", "kind-tracklore", "--namespace", &self.namespace, "exec", &pod, "--"];
        let psql = ["psql", "-U", "postgres", "-d", database, "-qAtXc", statement];
        let answer = shell::run("kubectl", &[&exec[..], &psql].concat()).await;
        answer.expect("Postgres answers").trim().to_owned()
    }

    /// The stack as the API server has it.
    pub fn stacks(&self, client: &Client) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("tracklore.io", "v1alpha1", "TrackloreStack");
        Api::namespaced_with(client.clone(), &self.namespace, &ApiResource::from_gvk(&kind))
    }
}

/// A condition of a stack as JSON.
pub fn condition(stack: &DynamicObject, kind: &str) -> Option<Value> {
    let conditions = stack.data.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|c| c.get("type").and_then(Value::as_str) == Some(kind)).cloned()
}

/// Pods of workloads, without those of finished Jobs.
fn running(pods: Vec<Pod>) -> Vec<Pod> {
    let of_job = |pod: &Pod| pod.owner_references().iter().any(|owner| owner.kind == "Job");
    pods.into_iter().filter(|pod| !of_job(pod)).collect()
}

/// Whether a pod is ready.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
}
