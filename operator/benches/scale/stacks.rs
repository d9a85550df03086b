//! The stacks: ten in each namespace, as many as the chart's cap lets in.

use std::collections::HashSet;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
    runtime::{WatchStreamExt, wait::await_condition, watcher},
};
use serde_json::{Value, json};
use tracklore_operator::api::v1alpha1::TrackloreStack;

const IN_A_NAMESPACE: usize = 10;
/// Requests for namespaces and stacks that are made at the same time.
const BESIDE: usize = 8;

/// Where a stack is.
#[derive(Clone)]
pub struct Place {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Where so many stacks are, and their namespaces, which are made.
pub async fn places(client: &Client, size: usize) -> Vec<Place> {
    let namespaces = stream::iter(0..size.div_ceil(IN_A_NAMESPACE));
    namespaces.for_each_concurrent(BESIDE, |number| namespace(client, namespace_name(number))).await;
    (0..size)
        .map(|number| Place {
            namespace: namespace_name(number / IN_A_NAMESPACE),
            name: format!("stack-{number:04}"),
        })
        .collect()
}

fn namespace_name(number: usize) -> String {
    format!("many-{number:04}")
}

/// Makes a namespace.
pub async fn namespace(client: &Client, name: String) {
    let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    Api::all(client.clone()).create(&<_>::default(), &namespace).await.unwrap();
}

/// Asks for stacks.
pub async fn ask(client: &Client, places: &[Place]) -> Vec<TrackloreStack> {
    let asked = places.iter().map(|place| apply(client, place, spec()));
    stream::iter(asked).buffered(BESIDE).collect().await
}

/// Asks for a stack, or for something else of it.
pub async fn apply(client: &Client, place: &Place, spec: Value) -> TrackloreStack {
    let stack = json!({
        "apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack", "metadata": {"name": place.name}, "spec": spec,
    });
    let api: Api<TrackloreStack> = Api::namespaced(client.clone(), &place.namespace);
    api.patch(&place.name, &PatchParams::apply("scale"), &Patch::Apply(&stack)).await.unwrap()
}

/// What each of them asks for: everything that the operator can run itself, and the gateway.
pub fn spec() -> Value {
    json!({
        "version": "0.1.0", "publicUrl": "http://localhost:8080", "deletionPolicy": "Delete",
        "postgres": {"managed": {}}, "kafka": {"managed": {}}, "redis": {"managed": {}},
        "auth": {"emailVerification": "Optional"}, "gateway": {"traefik": {"replicas": 1}},
    })
}

/// Ends when so many are ready as they are asked for now.
pub async fn settled(client: &Client, size: usize) {
    let stacks = watcher(Api::<TrackloreStack>::all(client.clone()), watcher::Config::default());
    let mut stacks = std::pin::pin!(stacks.default_backoff().applied_objects());
    let mut ready = HashSet::new();
    while ready.len() < size {
        let stack = stacks.try_next().await.unwrap().unwrap();
        if is_settled(&stack) {
            ready.insert(stack.uid());
        } else {
            ready.remove(&stack.uid());
        }
    }
}

/// Ends when one is.
pub async fn settled_at(client: &Client, place: &Place) {
    let api: Api<TrackloreStack> = Api::namespaced(client.clone(), &place.namespace);
    let settled = |stack: Option<&TrackloreStack>| stack.is_some_and(is_settled);
    Box::pin(await_condition(api, &place.name, settled)).await.unwrap();
}

fn is_settled(stack: &TrackloreStack) -> bool {
    let conditions = || stack.status.iter().flat_map(|status| &status.conditions);
    [("Ready", "True"), ("Progressing", "False")].iter().all(|(kind, wanted)| {
        conditions().any(|condition| {
            condition.type_ == *kind
                && condition.status == *wanted
                && condition.observed_generation == stack.metadata.generation
        })
    })
}
