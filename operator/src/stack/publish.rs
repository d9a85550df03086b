//! Writes the status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde_json::json;

use super::{glimpse::Mention, status, validate::Refusal};
use crate::api::v1alpha1::{TrackloreStack, TrackloreStackStatus};

/// The status of a stack that this operator can't read, made by a newer CRD perhaps.
pub fn unreadable(meta: &ObjectMeta, error: &str, now: Timestamp) -> TrackloreStackStatus {
    let sentence = format!(
        "the stack can't be read: {error}; correct it, or upgrade the operator if it is older than the CRD"
    );
    status::refused(None, meta.generation, &Refusal(vec![sentence]), now)
}

/// Writes it, without reading the answer: the stack may be one that can't be read.
pub async fn publish(
    client: &Client,
    meta: &ObjectMeta,
    status: &TrackloreStackStatus,
) -> Result<(), kube::Error> {
    let name = meta.name.as_deref().unwrap_or_default();
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let resource = ApiResource::erase::<TrackloreStack>(&());
    let api = Api::<Mention<DynamicObject>>::namespaced_with(client.clone(), namespace, &resource);
    match api.patch_status(name, &PatchParams::default(), &Patch::Merge(json!({"status": status}))).await {
        // Deleted in the meantime.
        Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(()),
        other => other.map(drop),
    }
}
