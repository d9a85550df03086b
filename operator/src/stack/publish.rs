//! Writes the status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{glimpse::Mention, status, validate::Refusal};
use crate::api::v1alpha1::{TrackloreStack, TrackloreStackStatus};

/// The status of a stack that this operator can't read, made by a newer CRD perhaps.
pub fn unreadable(meta: &ObjectMeta, error: &str, now: Timestamp) -> TrackloreStackStatus {
    let sentence = format!(
        "the stack can't be read: {error}; correct it, or upgrade the operator if it is older than the CRD"
    );
    status::refused(None, meta.generation, &Refusal(vec![sentence]), now)
}

/// What is written of a status. One that knows nothing of what has run says nothing of it: what an operator has told that could
/// read the stack stays.
fn told(status: &TrackloreStackStatus) -> Value {
    let mut told = json!(status);
    if status.services.is_empty()
        && status.completed_jobs.is_empty()
        && let Some(fields) = told.as_object_mut()
    {
        fields.retain(|field, _| field != "services" && field != "completedJobs");
    }
    told
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
    let patch = Patch::Merge(json!({"status": told(status)}));
    match api.patch_status(name, &PatchParams::default(), &patch).await {
        // Deleted in the meantime.
        Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(()),
        other => other.map(drop),
    }
}
