//! What clients keep for their user: any JSON object, changed by merge patches (RFC 7396).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tracklore_platform::{etag::ETag, problem::Problem, validate::Violations};
use utoipa::ToSchema;

/// Bytes of the object as JSON.
const MAX_BYTES: usize = 16 * 1024;
/// Objects and arrays within one another.
const MAX_DEPTH: usize = 32;

/// A JSON object of the client's own making.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object, examples(json!({"theme": "dark", "editor": {"font_size": 14}})))]
pub struct SettingsObject(pub Map<String, Value>);

/// A user's settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The object.
    pub value: SettingsObject,
    /// Counts the changes; 0 as long as there was none.
    pub version: i64,
}

impl Settings {
    /// The tag of this version.
    pub fn etag(&self) -> ETag {
        ETag::of_version(self.version)
    }

    /// The settings after `patch`; `None` when they stay as they are, 422 when they would grow too large.
    pub fn patched(&self, patch: SettingsObject) -> Result<Option<Self>, Problem> {
        let mut value = self.value.clone();
        merge(&mut value.0, patch.0);
        if value == self.value {
            return Ok(None);
        }
        let mut violations = Violations::default();
        let bytes = serde_json::to_vec(&value).map_or(usize::MAX, |json| json.len());
        violations.require(bytes <= MAX_BYTES, "", format!("must have at most {MAX_BYTES} bytes altogether"));
        let too_deep = value.0.values().any(|value| depth(value) >= MAX_DEPTH);
        violations.require(!too_deep, "", format!("must be at most {MAX_DEPTH} objects or arrays deep"));
        violations.finish()?;
        Ok(Some(Self { value, version: self.version + 1 }))
    }
}

/// Merges `patch` into `target`: null removes, objects are merged, everything else takes the place of what was there.
fn merge(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (key, change) in patch {
        match change {
            Value::Null => {
                target.remove(&key);
            }
            Value::Object(change) => {
                let mut inner = match target.remove(&key) {
                    Some(Value::Object(inner)) => inner,
                    _ => Map::new(),
                };
                merge(&mut inner, change);
                target.insert(key, Value::Object(inner));
            }
            value => {
                target.insert(key, value);
            }
        }
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> SettingsObject {
        serde_json::from_value(value).unwrap()
    }

    fn merged(target: Value, patch: Value) -> Value {
        let mut target = object(target);
        merge(&mut target.0, object(patch).0);
        Value::Object(target.0)
    }

    #[test]
    fn the_examples_of_the_standard_hold() {
        // RFC 7396, appendix A, those where both are objects
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            assert_eq!(merged(target.clone(), patch.clone()), result, "{target} + {patch}");
        }
    }

    #[test]
    fn too_large_and_too_deep_are_refused() {
        let settings = Settings::default();
        let patch = |length: usize| object(json!({"a": "x".repeat(length)}));
        assert!(settings.patched(patch(16 * 1024 - 8)).is_ok());
        assert_eq!(settings.patched(patch(16 * 1024 - 7)).unwrap_err().status(), 422);
        let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!({"a": inner}));
        assert!(settings.patched(object(nested(32))).is_ok());
        assert!(settings.patched(object(nested(33))).is_err());
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map("[a-c]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn any_object() -> impl Strategy<Value = SettingsObject> {
        proptest::collection::btree_map("[a-c]", any_value(), 0..4)
            .prop_map(|map| SettingsObject(map.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn the_same_patch_again_changes_nothing(first in any_object(), patch in any_object()) {
            let settings = Settings { value: first, version: 3 };
            if let Some(after) = settings.patched(patch.clone()).unwrap() {
                prop_assert_eq!(after.version, 4);
                prop_assert_eq!(after.patched(patch).unwrap(), None);
            }
        }

        #[test]
        fn what_is_patched_in_can_be_read_back(first in any_object(), patch in any_object()) {
            let mut target = first;
            merge(&mut target.0, patch.0.clone());
            for (key, value) in &patch.0 {
                match value {
                    Value::Null => prop_assert!(!target.0.contains_key(key)),
                    Value::Object(_) => prop_assert!(target.0[key].is_object()),
                    value => prop_assert_eq!(&target.0[key], value),
                }
            }
        }
    }
}
