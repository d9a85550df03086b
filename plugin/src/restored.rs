//! The stack that begins with a copy: its manifest, and what speaks against it.

use kube::ResourceExt;
use serde_json::{Map, Value, json};
use tracklore_operator::{
    api::v1alpha1::{Restore, SecretRef, StackRef, TrackloreStack},
    stack::versions,
};

use crate::{
    Error,
    copies::LATEST,
    origin::{Former, Origin, unknown},
};

/// What two stacks can't both have, and why.
const ALONE: [(&str, &str); 3] = [
    ("/gateway/traefik/service/nodePort", "a port of the nodes is one stack's"),
    ("/redis/external", "both would write the same lists"),
    ("/kafka/prefix", "both would write to the same topics"),
];

/// What a new stack is made after.
pub struct Model {
    /// Labels and annotations of a manifest.
    labels: Value,
    annotations: Value,
    /// What it asks for.
    pub spec: Value,
}

impl Model {
    /// After a manifest, or else the stack that is still there. What keeps that from running isn't taken along: nobody makes a
    /// stack anew for it to rest, unless a manifest says so.
    pub fn of(manifest: Option<&TrackloreStack>, former: &Former) -> Result<Option<Self>, Error> {
        let Some(stack) = manifest else {
            return Ok(former.spec.clone().map(|mut spec| {
                if let Some(spec) = spec.as_object_mut() {
                    spec.retain(|field, _| !["paused", "suspended", "restore"].contains(&field.as_str()));
                }
                Self { labels: Value::Null, annotations: Value::Null, spec }
            }));
        };
        if stack.spec.restore.is_some() {
            return Err(Error::Refused(
                "the manifest says itself which copy its stack begins with (spec.restore); apply it by kubectl apply -f, or remove that".to_owned(),
            ));
        }
        if stack.spec.paused {
            return Err(Error::Refused(
                "the manifest has spec.paused, so the operator would make nothing of it; remove that"
                    .to_owned(),
            ));
        }
        let some = |map: &std::collections::BTreeMap<String, String>| {
            if map.is_empty() { Value::Null } else { json!(map) }
        };
        Ok(Some(Self {
            labels: some(stack.labels()),
            annotations: some(stack.annotations()),
            spec: serde_json::to_value(&stack.spec)?,
        }))
    }

    /// The manifest of a stack that begins with a copy.
    pub fn begin(
        &self,
        (namespace, name): (&str, &str),
        former: &Former,
        origin: &Origin,
        copy: &str,
    ) -> Result<Value, Error> {
        let restore = Restore {
            source: origin.shelf.clone(),
            stack: Some(whose(former)),
            copy: copy.to_owned(),
            key_secret_ref: origin.key()?,
        };
        let mut spec = self.spec.clone();
        if let Some(spec) = spec.as_object_mut() {
            spec.insert("restore".to_owned(), serde_json::to_value(restore)?);
        }
        let mut metadata =
            Map::from_iter([("name".to_owned(), json!(name)), ("namespace".to_owned(), json!(namespace))]);
        for (field, value) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !value.is_null() {
                metadata.insert(field.to_owned(), value.clone());
            }
        }
        Ok(json!({
            "apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack", "metadata": metadata, "spec": spec,
        }))
    }

    /// What the stack that is still there has and another one can't have besides, in a sentence.
    pub fn clash(&self, former: &Former) -> Option<String> {
        let old = former.spec.as_ref()?;
        // a Kafka of its own has no topics but its own
        let alone = ALONE
            .iter()
            .filter(|(field, _)| *field != "/kafka/prefix" || old.pointer("/kafka/managed").is_none());
        let same = alone.filter(|(field, _)| {
            let value = old.pointer(field).filter(|value| !value.is_null());
            value.is_some() && value == self.spec.pointer(field)
        });
        let told: Vec<_> = same
            .map(|(field, why)| format!("{} ({why})", field.trim_start_matches('/').replace('/', ".")))
            .collect();
        (!told.is_empty()).then(|| {
            format!(
                "{} is still there, and a stack beside it can't have the same {}; write what the new one has instead into a manifest and give it by -f, or delete {0} first",
                former.name,
                told.join(", ")
            )
        })
    }
}

/// A stack that could begin with a copy, for the Job that it would begin with. It's never made.
pub fn asker(
    namespace: &str,
    former: &Former,
    origin: &Origin,
    spec: Value,
) -> Result<TrackloreStack, Error> {
    let model = Model { labels: Value::Null, annotations: Value::Null, spec };
    let nobodys = SecretRef { name: "copies".into() };
    let origin = Origin { key: Some(origin.key.clone().unwrap_or(nobodys)), ..origin.clone() };
    let manifest = model.begin((namespace, &former.name), former, &origin, LATEST)?;
    serde_json::from_value(manifest).map_err(|error| unknown(&error))
}

/// The least that a stack asks for, where none is there to be made after.
pub fn least() -> Value {
    json!({
        "version": versions::known().last(), "publicUrl": "http://localhost", "auth": {"emailVerification": "Optional"},
        "postgres": {"managed": {}}, "kafka": {"managed": {}}, "redis": {"managed": {}},
    })
}

fn whose(former: &Former) -> StackRef {
    StackRef { name: former.name.clone(), namespace: Some(former.namespace.clone()) }
}

#[cfg(test)]
mod tests {
    use tracklore_operator::api::v1alpha1::{ClaimRef, Shelf};

    use super::*;

    fn former(spec: Value) -> Former {
        Former { name: "social".into(), namespace: "demo".into(), spec: Some(spec) }
    }

    fn origin() -> Origin {
        let claim = Some(ClaimRef { name: "copies".into() });
        Origin {
            shelf: Shelf { claim, s3: None },
            key: Some(SecretRef { name: "seal".into() }),
            in_use: true,
        }
    }

    #[test]
    fn a_stack_made_after_another_has_all_of_it_but_what_kept_that_from_running() {
        let mut spec = least();
        spec["suspended"] = json!(true);
        spec["paused"] = json!(true);
        let former = former(spec);
        let model = Model::of(None, &former).unwrap().unwrap();
        let made = model.begin(("again", "begun"), &former, &origin(), "20261122T030000Z").unwrap();
        let mut expected = least();
        expected["restore"] = json!({
            "source": {"claim": {"name": "copies"}}, "stack": {"name": "social", "namespace": "demo"},
            "copy": "20261122T030000Z", "keySecretRef": {"name": "seal"},
        });
        assert_eq!(made["spec"], expected);
        assert_eq!(made["metadata"], json!({"name": "begun", "namespace": "again"}));
    }

    #[test]
    fn a_manifest_keeps_its_labels_and_may_not_say_another_copy() {
        let text = include_str!("../../examples/minimal.yaml");
        let mut stack: TrackloreStack = serde_saphyr::from_str(text).unwrap();
        stack.metadata.labels = Some([("team".to_owned(), "social".to_owned())].into());
        let former = Former { name: "social".into(), namespace: "demo".into(), spec: None };
        let model = Model::of(Some(&stack), &former).unwrap().unwrap();
        let made = model.begin(("again", "begun"), &former, &origin(), LATEST).unwrap();
        assert_eq!(made["metadata"]["labels"], json!({"team": "social"}));
        assert_eq!(made["metadata"]["name"], "begun");

        stack.spec.paused = true;
        assert!(Model::of(Some(&stack), &former).err().unwrap().to_string().contains("spec.paused"));
        stack.spec.restore = Some(serde_json::from_value(made["spec"]["restore"].clone()).unwrap());
        assert!(Model::of(Some(&stack), &former).err().unwrap().to_string().contains("spec.restore"));
    }

    #[test]
    fn what_two_stacks_cannot_share_is_named() {
        let mut spec = least();
        assert_eq!(
            Model::of(None, &former(spec.clone())).unwrap().unwrap().clash(&former(spec.clone())),
            None
        );
        spec["gateway"] = json!({"traefik": {"service": {"type": "NodePort", "nodePort": 30080}}});
        let former = former(spec);
        let mut model = Model::of(None, &former).unwrap().unwrap();
        let said = model.clash(&former).unwrap();
        assert!(said.starts_with("social is still there, and a stack beside it can't have the same gateway.traefik.service.nodePort"), "{said}");
        model.spec["gateway"]["traefik"]["service"]["nodePort"] = json!(30081);
        assert_eq!(model.clash(&former), None);
    }
}
