//! The stack under test from below: its containers, the node they run on, and its spec.

use std::{sync::Mutex, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams},
};
use serde_json::Value;
use tracklore_testkit::eventually_within;

use crate::{TestStack, shell, stack::is_ready};

/// How long a component may take to be ready again.
const AGAIN: Duration = Duration::from_mins(4);

/// The stack, and how to reach into it.
pub(super) struct Cluster {
    pub(super) client: Client,
    pub(super) stack: TestStack,
    spec: Mutex<Value>,
    resent: Mutex<usize>,
}

/// A container as the node sees it.
#[derive(Clone, Debug)]
pub(super) struct Container {
    /// The machine that it runs on.
    pub(super) node: String,
    /// Its first process, as the node numbers it.
    pub(super) pid: String,
    /// The container's id: another one after a restart.
    pub(super) id: String,
    /// The pod's address.
    pub(super) address: String,
}

impl Cluster {
    pub(super) fn new(client: Client, stack: TestStack) -> Self {
        let spec = Mutex::new(stack.spec());
        Self { client, stack, spec, resent: Mutex::default() }
    }

    /// How many records were sent again before, now that `all` are.
    pub(super) fn known_resent(&self, all: usize) -> usize {
        std::mem::replace(&mut *self.resent.lock().expect("not poisoned"), all)
    }

    /// Changes the stack's spec.
    pub(super) async fn change(&self, change: impl FnOnce(&mut Value)) {
        let spec = {
            let mut spec = self.spec.lock().expect("not poisoned");
            change(&mut spec);
            spec.clone()
        };
        self.stack.apply(&self.client, &spec).await.expect("the stack is accepted");
    }

    /// Pods of a component's workload.
    pub(super) async fn pods(&self, component: &str) -> Vec<Pod> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.stack.namespace);
        let label =
            format!("app.kubernetes.io/instance={},app.kubernetes.io/name={component}", self.stack.name);
        pods.list(&ListParams::default().labels(&label)).await.map(|list| list.items).unwrap_or_default()
    }

    /// The container of a component's pod; of the first one, when there are several.
    pub(super) async fn container(&self, component: &str) -> Result<Container, String> {
        let pod = self.pods(component).await.into_iter().find(is_ready);
        self.container_of(&pod.ok_or_else(|| format!("no pod of {component} is ready"))?, component).await
    }

    /// The container of this pod.
    pub(super) async fn container_of(&self, pod: &Pod, component: &str) -> Result<Container, String> {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
        let name = pod.name_any();
        let label = format!("io.kubernetes.pod.name={name}");
        let namespace = format!("io.kubernetes.pod.namespace={}", self.stack.namespace);
        let container = format!("io.kubernetes.container.name={component}");
        let listed = [
            "exec", &node, "crictl", "ps", "-q", "--label", &label, "--label", &namespace, "--label",
            &container,
        ];
        let id = shell::run("docker", &listed).await?.trim().to_owned();
        let template = "{{.info.pid}}";
        let inspect = ["exec", &node, "crictl", "inspect", "-o", "go-template", "--template", template, &id];
        let pid = shell::run("docker", &inspect).await?.trim().to_owned();
        if pid.parse::<u32>().is_err() {
            return Err(format!("{name} has no process: {pid:?}"));
        }
        let address = pod.status.as_ref().and_then(|status| status.pod_ip.clone()).unwrap_or_default();
        Ok(Container { node, pid, id, address })
    }

    /// Replaces the component's pods, if any of their containers was restarted.
    pub(super) async fn forget_restarts(&self, component: &str) {
        let old = self.pods(component).await;
        let statuses = old.iter().filter_map(|pod| pod.status.as_ref()?.container_statuses.as_ref());
        if statuses.flatten().all(|status| status.restart_count == 0) {
            return;
        }
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.stack.namespace);
        for pod in &old {
            let deleted = pods.delete(&pod.name_any(), &DeleteParams::default()).await;
            deleted.expect("the pod can be deleted");
        }
        eventually_within(AGAIN, &format!("new pods of {component} are ready"), async || {
            let now = self.pods(component).await;
            let renewed = now.iter().all(|pod| old.iter().all(|old| old.uid() != pod.uid()));
            (renewed && now.len() == old.len() && now.iter().all(is_ready)).then_some(())
        })
        .await;
    }

    /// Runs a script on the node of a container.
    pub(super) async fn on_node(&self, container: &Container, script: &str) -> Result<String, String> {
        shell::run("docker", &["exec", &container.node, "sh", "-euc", script]).await
    }

    /// Runs a program in a container of a pod.
    pub(super) async fn exec(&self, pod: &str, command: &[&str], input: &str) -> Result<String, String> {
        let mut arguments = vec!["exec", "-i", "-n", &self.stack.namespace, pod, "--"];
        arguments.extend(command);
        shell::run_with("kubectl", &arguments, input).await
    }

    /// Waits until a component has another container than this, which is ready.
    pub(super) async fn restarted(&self, component: &str, before: &Container) {
        let what = format!("another container of {component} is ready");
        eventually_within(AGAIN, &what, async || {
            let now = self.container(component).await.ok()?;
            (now.id != before.id).then_some(())
        })
        .await;
    }

    /// Waits until so many pods of a component are ready, and no others there.
    pub(super) async fn scaled(&self, component: &str, count: usize) {
        let what = format!("{component} has {count} pods");
        eventually_within(AGAIN, &what, async || {
            let pods = self.pods(component).await;
            (pods.len() == count && pods.iter().all(is_ready)).then_some(())
        })
        .await;
    }
}
