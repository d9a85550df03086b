//! Plays CloudNativePG and Strimzi: whatever their objects ask for is said to be done.

use futures::{StreamExt, future::ready};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
    runtime::{WatchStreamExt, watcher},
};
use serde_json::{Value, json};

/// Says so of each object that there is or comes, after every change, for ever.
pub async fn play(client: Client) {
    tokio::join!(
        kind(&client, "postgresql.cnpg.io", "Cluster"),
        kind(&client, "postgresql.cnpg.io", "DatabaseRole"),
        kind(&client, "postgresql.cnpg.io", "Database"),
        kind(&client, "kafka.strimzi.io", "Kafka"),
        kind(&client, "kafka.strimzi.io", "KafkaTopic"),
        kind(&client, "kafka.strimzi.io", "KafkaUser"),
    );
}

async fn kind(client: &Client, group: &str, kind: &str) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    let objects = Api::<DynamicObject>::all_with(client.clone(), &resource);
    watcher(objects, watcher::Config::default())
        .default_backoff()
        .applied_objects()
        .filter_map(|object| ready(object.ok()))
        .for_each(|object| tell(client, &resource, object))
        .await;
}

async fn tell(client: &Client, kind: &ApiResource, object: DynamicObject) {
    let name = object.name_any();
    let status = match kind.kind.as_str() {
        "Cluster" => json!({
            "currentPrimary": format!("{name}-1"), "targetPrimary": format!("{name}-1"),
            "instancesStatus": {"healthy": [format!("{name}-1")]}, "phase": "Cluster in healthy state",
        }),
        "DatabaseRole" | "Database" => {
            json!({"applied": true, "observedGeneration": object.metadata.generation})
        }
        _ => json!({
            "conditions": [{"type": "Ready", "status": "True"}], "observedGeneration": object.metadata.generation,
        }),
    };
    let namespace = object.namespace().unwrap_or_default();
    let authority = match kind.kind.as_str() {
        "Cluster" => Some(format!("{name}-ca")),
        "Kafka" => Some(format!("{name}-cluster-ca-cert")),
        _ => None,
    };
    let params = PatchParams::apply("others").force();
    if let Some(authority) = authority {
        let secret: Value = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": authority}, "stringData": {"ca.crt": "somebody"},
        });
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
        drop(secrets.patch(&authority, &params, &Patch::Apply(&secret)).await);
    }
    let told = json!({
        "apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, "status": status,
    });
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), &namespace, kind);
    // One that is gone meanwhile needs no status.
    drop(api.patch_status(&name, &params, &Patch::Apply(&told)).await);
}
