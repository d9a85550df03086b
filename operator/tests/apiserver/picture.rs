//! All that is there of a stack, without what differs from one making to the next: names of namespaces, hashes, times.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Resource,
    api::{DynamicObject, ListParams},
    core::ApiResource,
};
use serde_json::{Value, json};
use tracklore_operator::stack::kinds::Kind;

use crate::spaces::Space;

/// What is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The objects, by kind and name.
    pub objects: BTreeMap<String, Vec<Value>>,
    /// What the stack says of itself.
    pub status: Value,
}

impl Picture {
    /// Of a namespace.
    pub async fn of(space: &Space) -> Self {
        let mut picture = Self::default();
        let kinds = Kind::ALL.iter().map(|kind| kind.resource()).chain([ApiResource::erase::<Secret>(&())]);
        for kind in kinds {
            let api: Api<DynamicObject> = Api::namespaced_with(space.client.clone(), &space.name, &kind);
            let objects = match api.list(&ListParams::default()).await {
                // A kind that this cluster doesn't know.
                Err(kube::Error::Api(status)) if status.code == 404 => continue,
                objects => objects.unwrap(),
            };
            for object in objects {
                picture.add(&kind.kind, &object, &space.name);
            }
        }
        let stacks = space.api::<tracklore_operator::api::v1alpha1::TrackloreStack>();
        if let Some(stack) = stacks.get_opt("demo").await.unwrap() {
            picture.status = json!(stack.status);
            for list in ["conditions", "services"] {
                for entry in picture.status[list].as_array_mut().into_iter().flatten() {
                    let passing = ["lastTransitionTime", "observedGeneration", "since"];
                    entry.as_object_mut().unwrap().retain(|key, _| !passing.contains(&key.as_str()));
                }
            }
            picture.status.as_object_mut().unwrap().remove("observedGeneration");
            same_in_all(&mut picture.status, &space.name);
        }
        picture
    }

    /// Without Jobs: those that have ended well go when what they did counts, but they would be others now.
    pub fn without_jobs(mut self) -> Self {
        self.objects.retain(|label, _| !label.starts_with("Job/"));
        self
    }

    fn add(&mut self, kind: &str, object: &DynamicObject, namespace: &str) {
        let name = object.meta().name.clone().unwrap_or_default();
        let mut value = json!(object);
        let all = value.as_object_mut().unwrap();
        all.remove("status");
        if let Some(data) = all.get_mut("data").filter(|_| kind == "Secret") {
            data.as_object_mut().unwrap().values_mut().for_each(|value| *value = json!("made"));
        }
        let meta = all["metadata"].as_object_mut().unwrap();
        for key in
            ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "generateName"]
        {
            meta.remove(key);
        }
        if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
            // Counts the changes before.
            annotations.remove("deployment.kubernetes.io/revision");
        }
        if let Some(spec) = all.get_mut("spec").and_then(Value::as_object_mut) {
            // Given by the API server.
            spec.retain(|key, _| !["clusterIP", "clusterIPs"].contains(&key.as_str()));
        }
        same_in_all(&mut value, namespace);
        let label = format!("{kind}/{}", masked(&name));
        let alike = self.objects.entry(label).or_default();
        alike.push(value);
        alike.sort_by_key(Value::to_string);
    }

    /// Fails with what differs.
    pub fn assert_like(&self, other: &Self, what: &str) {
        let names = |picture: &Self| picture.objects.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(self), names(other), "{what}: other objects are there");
        for (name, object) in &self.objects {
            assert_eq!(Some(object), other.objects.get(name), "{what}: {name} differs");
        }
        assert_eq!(self.status, other.status, "{what}: the status differs");
    }
}

fn same_in_all(value: &mut Value, namespace: &str) {
    match value {
        Value::String(text) => *text = masked(&text.replace(namespace, "NAMESPACE")),
        Value::Array(items) => items.iter_mut().for_each(|item| same_in_all(item, namespace)),
        Value::Object(fields) => {
            // Keys are called after the time at which they were made.
            let same = |(name, mut field): (String, Value)| {
                same_in_all(&mut field, namespace);
                (masked(&name), field)
            };
            *fields = std::mem::take(fields).into_iter().map(same).collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text without the hashes and identities in it.
fn masked(text: &str) -> String {
    let is_hex = |letter: char| letter.is_ascii_digit() || ('a'..='f').contains(&letter);
    if text.len() == 36 && text.chars().all(|letter| is_hex(letter) || letter == '-') {
        return "IDENTITY".to_owned();
    }
    let mut masked = String::new();
    for word in text.split_inclusive(|letter| !is_hex(letter)) {
        let hex = word.trim_end_matches(|letter| !is_hex(letter));
        if hex.len() >= 8 {
            masked.push('#');
        } else {
            masked.push_str(hex);
        }
        masked.push_str(&word[hex.len()..]);
    }
    masked
}
