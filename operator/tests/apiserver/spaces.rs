//! A namespace with one stack in it.

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use tracklore_e2e::apiserver::Server;
use tracklore_operator::api::v1alpha1::TrackloreStack;

use tracklore_testkit::eventually_within;

use crate::{server, settle::PATIENCE};

/// The stack's name; its namespace tells it from others.
pub const NAME: &str = "demo";

/// The namespace.
pub struct Space {
    /// Where it is.
    pub server: &'static Server,
    /// An administrator.
    pub client: Client,
    /// Its name.
    pub name: String,
}

impl Space {
    /// A new one, in which only pods may run that restrict themselves.
    pub async fn new(purpose: &str) -> Self {
        Self::on(server::server(), purpose).await
    }

    /// The same on another server than that of all tests.
    pub async fn on(server: &'static Server, purpose: &str) -> Self {
        let client = server.admin().await;
        let name = format!("{purpose}-{:08x}", rand::random::<u32>());
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        let namespace = json!({"metadata": {"name": name, "labels": labels}});
        let namespace: Namespace = serde_json::from_value(namespace).unwrap();
        Api::<Namespace>::all(client.clone()).create(&<_>::default(), &namespace).await.unwrap();
        Self { server, client, name }
    }

    /// Objects of a kind in it.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Asks for a stack, or for something else of it.
    pub async fn apply(&self, spec: &Value) {
        let stack = json!({
            "apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack", "metadata": {"name": NAME}, "spec": spec,
        });
        let params = PatchParams::apply("test").force();
        let taken = self.api::<TrackloreStack>().patch(NAME, &params, &Patch::Apply(&stack)).await;
        taken.unwrap_or_else(|error| panic!("the API server refuses {spec}: {error}"));
    }
}

impl Space {
    /// Waits until the stack serves as it is asked for.
    pub async fn serves(&self) {
        eventually_within(PATIENCE, "the stack serves", async || {
            let stack = self.api::<TrackloreStack>().get(NAME).await.unwrap();
            (holds(&stack, "Ready", "True") && holds(&stack, "Progressing", "False")).then_some(())
        })
        .await;
    }
}

/// Whether a condition of the stack as it is asked for now is so.
pub fn holds(stack: &TrackloreStack, kind: &str, wanted: &str) -> bool {
    stack.status.iter().flat_map(|status| &status.conditions).any(|condition| {
        condition.type_ == kind
            && condition.status == wanted
            && condition.observed_generation == stack.metadata.generation
    })
}

/// A small stack.
pub fn spec() -> Value {
    json!({
        "version": "0.1.0", "publicUrl": "http://localhost:8080", "deletionPolicy": "Delete",
        "postgres": {"managed": {}}, "kafka": {"managed": {}}, "redis": {"managed": {}},
        "auth": {"emailVerification": "Optional"}, "gateway": {"traefik": {"replicas": 1}},
    })
}
