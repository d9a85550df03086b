//! Parts of a pod that are taken as Kubernetes describes them: their schemas would make up most of the CRD, so the operator
//! reads them itself.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// An object whose form the API server doesn't check.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(transparent)]
pub struct Untyped(pub Value);

impl Untyped {
    /// Reads it as what it should be; a field that isn't known is an error, and the sentence names it.
    pub fn read<T: DeserializeOwned + Serialize>(&self) -> Result<T, String> {
        read(&self.0)
    }
}

/// Reads a value as what it should be, without overlooking anything.
pub fn read<T: DeserializeOwned + Serialize>(value: &Value) -> Result<T, String> {
    let known = T::deserialize(value).map_err(|error| error.to_string())?;
    let taken = serde_json::to_value(&known).map_err(|error| error.to_string())?;
    match overlooked(value, &taken) {
        Some(path) => Err(format!("unknown field `{path}`")),
        None => Ok(known),
    }
}

/// A field of `asked` that isn't in `taken`.
fn overlooked(asked: &Value, taken: &Value) -> Option<String> {
    let below = |name: String, asked, taken: Option<&Value>| match taken {
        Some(taken) => overlooked(asked, taken).map(|path| format!("{name}.{path}")),
        None => Some(name),
    };
    match (asked, taken) {
        (Value::Object(asked), Value::Object(taken)) => asked
            .iter()
            .filter(|(_, value)| !is_empty(value))
            .find_map(|(name, value)| below(name.clone(), value, taken.get(name))),
        (Value::Array(asked), Value::Array(taken)) => asked
            .iter()
            .zip(taken)
            .enumerate()
            .find_map(|(at, (asked, taken))| overlooked(asked, taken).map(|path| format!("{at}.{path}"))),
        _ => None,
    }
}

/// What is left out when it is written: it can't be told from what isn't known, and says nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

impl JsonSchema for Untyped {
    fn schema_name() -> Cow<'static, str> {
        "Untyped".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Affinity;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_misspelt_field_is_named_with_its_path() {
        let term = json!({"topologyKey": "zone", "labelSelectr": {"matchLabels": {"a": "b"}}});
        let affinity =
            Untyped(json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}));
        assert_eq!(
            affinity.read::<Affinity>().unwrap_err(),
            "unknown field `podAffinity.requiredDuringSchedulingIgnoredDuringExecution.0.labelSelectr`"
        );
    }

    #[test]
    fn a_value_of_another_type_is_told_and_an_empty_one_is_nothing() {
        assert!(Untyped(json!({"nodeAffinity": 7})).read::<Affinity>().is_err());
        assert!(Untyped(json!({"nodeAffinity": {}})).read::<Affinity>().is_ok());
        assert!(Untyped(json!({"podAffinity": null})).read::<Affinity>().is_ok());
    }
}
