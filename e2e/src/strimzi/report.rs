//! What the status of an object says, in the words of Strimzi's API.

use k8s_openapi::jiff::Timestamp;
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

/// Why an object isn't what it asks for.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn not_supported(message: impl Into<String>) -> Self {
        Self { reason: "NotSupported", message: message.into() }
    }

    pub(super) fn of_kafka(message: String) -> Self {
        Self { reason: "KafkaError", message }
    }

    pub(super) fn of_kubernetes(error: &kube::Error) -> Self {
        Self { reason: "InternalError", message: error.to_string() }
    }
}

/// A status that says that all is as asked for.
pub(super) fn ready(status: Value) -> Value {
    with_condition(status, &json!({"type": "Ready", "status": "True"}))
}

/// A status with a condition of this type and status, which says why.
pub(super) fn refused(status: Value, (kind, holds): (&str, &str), refusal: &Refusal) -> Value {
    let condition =
        json!({"type": kind, "status": holds, "reason": refusal.reason, "message": refusal.message});
    with_condition(status, &condition)
}

fn with_condition(mut status: Value, condition: &Value) -> Value {
    status["conditions"] = json!([condition]);
    status
}

/// The condition of this type, if it has this status and is about the present generation.
pub(super) fn present_condition(object: &DynamicObject, (kind, holds): (&str, &str)) -> Option<Value> {
    let status = object.data.get("status")?;
    let present = status.get("observedGeneration")?.as_i64() == object.metadata.generation;
    let conditions = status.get("conditions")?.as_array()?;
    conditions.iter().find(|found| present && found["type"] == kind && found["status"] == holds).cloned()
}

/// Whether nothing is left to be done for an object.
pub(super) fn is_settled(object: &DynamicObject) -> bool {
    present_condition(object, ("Ready", "True")).is_some()
}

/// Writes a status where it says something new, with the generation that it is about and the time.
pub(super) async fn report(objects: &Api<DynamicObject>, object: &DynamicObject, status: &Value) {
    let mut status = status.clone();
    status["observedGeneration"] = json!(object.metadata.generation);
    let mut before = object.data.get("status").cloned().unwrap_or_default();
    let times = before.pointer_mut("/conditions/0").and_then(Value::as_object_mut);
    times.map(|condition| condition.remove("lastTransitionTime"));
    let is_new = |(field, value): (&String, &Value)| before.get(field).unwrap_or(&Value::Null) != value;
    // a status that is written again is a change, after which all would begin again
    if !status.as_object().into_iter().flatten().any(is_new) {
        return;
    }
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    status["conditions"][0]["lastTransitionTime"] = json!(now);
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let patch = Patch::Merge(json!({"status": status}));
    // the object may be gone: then nobody reads it
    drop(objects.patch_status(name, &PatchParams::default(), &patch).await);
}
