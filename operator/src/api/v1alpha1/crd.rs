//! The CustomResourceDefinition, made from the types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

use super::TrackloreStack;

/// The definition as it is installed.
///
/// Optional fields lose `nullable`: the API server then drops a `null` before it sets defaults, so that `className: null`
/// means the same as leaving it out, and rules need to look at one case only.
pub fn definition() -> Result<Value, serde_json::Error> {
    let definition: CustomResourceDefinition = TrackloreStack::crd();
    let mut value = serde_json::to_value(definition)?;
    tidy(&mut value);
    Ok(value)
}

fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("nullable") == Some(&Value::Bool(true)) {
                map.remove("nullable");
                if let Some(Value::Array(choices)) = map.get_mut("enum") {
                    choices.retain(|choice| !choice.is_null());
                }
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}
