//! Objects as far as they are looked at. The API server tells many times as much of each, mostly templates of pods and who
//! manages which field: that is skipped while it is read, and isn't kept.

use std::{borrow::Cow, marker::PhantomData};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference, Time};
use kube::{Resource, core::PartialObjectMeta};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::component::{IMAGE, INSTANCE, MANAGED_BY};

/// An object of kind `K`, with what is asked for of it and what it tells as far as these types read it.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound(deserialize = "Spec: Deserialize<'de>, Status: Deserialize<'de>"))]
pub struct Glimpse<K, Spec = IgnoredAny, Status = IgnoredAny> {
    #[serde(deserialize_with = "metadata")]
    metadata: ObjectMeta,
    /// What is asked for.
    pub spec: Option<Spec>,
    /// What it tells.
    pub status: Option<Status>,
    #[serde(skip)]
    kind: PhantomData<K>,
}

/// An object of which nothing but the metadata is read, and where the API server can leave out the rest it is asked to.
pub type Mention<K> = Glimpse<PartialObjectMeta<K>>;

/// The part of the metadata that is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
    owner_references: Option<Vec<OwnerReference>>,
    labels: Option<Labels>,
    annotations: Option<Annotations>,
    managed_fields: Option<Vec<Manager>>,
}

#[derive(Deserialize)]
struct Labels {
    #[serde(rename = "app.kubernetes.io/instance")]
    instance: Option<String>,
    #[serde(rename = "app.kubernetes.io/managed-by")]
    managed_by: Option<String>,
}

#[derive(Deserialize)]
struct Annotations {
    #[serde(rename = "tracklore.io/image")]
    image: Option<String>,
}

/// When somebody changed something, without what it was.
#[derive(Deserialize)]
struct Manager {
    subresource: Option<String>,
    time: Option<Time>,
}

fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let read = Metadata::deserialize(deserializer)?;
    let label = |name: &str, value: Option<String>| Some((name.to_owned(), value?));
    let labels = read.labels.map(|Labels { instance, managed_by }| {
        label(INSTANCE, instance).into_iter().chain(label(MANAGED_BY, managed_by)).collect()
    });
    let image = read.annotations.and_then(|annotations| label(IMAGE, annotations.image));
    let changed = |Manager { subresource, time }| ManagedFieldsEntry { subresource, time, ..<_>::default() };
    Ok(ObjectMeta {
        name: read.name,
        namespace: read.namespace,
        uid: read.uid,
        resource_version: read.resource_version,
        generation: read.generation,
        deletion_timestamp: read.deletion_timestamp,
        finalizers: read.finalizers,
        owner_references: read.owner_references,
        labels,
        annotations: image.map(|image| [image].into()),
        managed_fields: read.managed_fields.map(|managers| managers.into_iter().map(changed).collect()),
        ..ObjectMeta::default()
    })
}

impl<K: Resource, Spec, Status> Resource for Glimpse<K, Spec, Status> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn metadata_api() -> bool {
        K::metadata_api()
    }

    fn kind(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(kind)
    }

    fn group(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::group(kind)
    }

    fn version(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::version(kind)
    }

    fn plural(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(kind)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::Deployment;
    use serde_json::json;

    use super::*;
    use crate::stack::kept::mark;

    #[test]
    fn a_glimpse_tells_of_an_object_what_the_whole_object_tells() {
        let managed = |subresource: &str, time: &str| {
            json!({"manager": "m", "operation": "Apply", "apiVersion": "v1", "time": time, "subresource": subresource,
                   "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {".": {}, "f:a": {}}}})
        };
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "demo-auth", "namespace": "space", "uid": "u", "resourceVersion": "77",
                "labels": {INSTANCE: "demo", "other": "label"}, "annotations": {"a": "b", IMAGE: "auth:1"}, "finalizers": ["orphan"],
                "deletionTimestamp": "2026-01-01T00:00:00Z",
                "ownerReferences": [{"apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack", "name": "demo", "uid": "s"}],
                "managedFields": [managed("", "2026-01-01T00:00:09Z"), managed("status", "2026-01-01T00:00:10Z")],
            },
            "spec": {"replicas": 1}, "status": {"replicas": 1},
        });
        let whole: Deployment = serde_json::from_value(object.clone()).unwrap();
        let glimpse: Glimpse<Deployment> = serde_json::from_value(object).unwrap();
        let mut expected = whole.metadata.clone();
        expected.annotations = Some([(IMAGE.to_owned(), "auth:1".to_owned())].into());
        expected.labels = Some([(INSTANCE.to_owned(), "demo".to_owned())].into());
        expected.managed_fields = glimpse.metadata.managed_fields.clone();
        assert_eq!(glimpse.metadata, expected);
        assert_eq!(mark(&glimpse.metadata), mark(&whole.metadata));
    }
}
