//! Attributes: a JSON object of the client's own, within limits that keep rows, index and events small.

use serde_json::Value;
use tracklore_platform::validate::Violations;

use crate::post::Attributes;

/// Bytes of the whole object, written out compactly.
pub const MAX_BYTES: usize = 16 * 1024;
/// Keys of the object itself.
pub const MAX_KEYS: usize = 32;
/// Objects and arrays within one another, the whole object included.
pub const MAX_DEPTH: usize = 4;

/// Notes what is against the limits.
pub fn check(attributes: &Attributes, violations: &mut Violations) {
    let depth = 1 + attributes.values().map(depth).max().unwrap_or(0);
    violations.require(
        attributes.len() <= MAX_KEYS,
        "/attributes",
        format!("at most {MAX_KEYS} keys; these are {}", attributes.len()),
    );
    violations.require(
        depth <= MAX_DEPTH,
        "/attributes",
        format!("at most {MAX_DEPTH} objects and arrays within one another; these are {depth}"),
    );
    let bytes = object_bytes(attributes);
    violations.require(
        bytes <= MAX_BYTES,
        "/attributes",
        format!("at most {MAX_BYTES} bytes, numbers written without exponent; these are {bytes}"),
    );
    violations.require(
        !attributes.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        "/attributes",
        "the character U+0000 can't be stored",
    );
}

/// Applies a JSON merge patch (RFC 7396 §2) to an object.
pub fn merge(target: &mut Attributes, patch: Attributes) {
    for (key, value) in patch {
        match value {
            Value::Null => drop(target.remove(&key)),
            Value::Object(patch) => {
                let slot = target.entry(key).or_insert(Value::Null);
                let mut object = match slot.take() {
                    Value::Object(object) => object,
                    _ => Attributes::new(),
                };
                merge(&mut object, patch);
                *slot = Value::Object(object);
            }
            value => drop(target.insert(key, value)),
        }
    }
}

/// What the text of a query parameter stands for: a JSON scalar if it is one, else the text itself.
pub fn scalar(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(_) | Value::Array(_)) | Err(_) => Value::String(text.to_owned()),
        Ok(scalar) => scalar,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(object) => 1 + object.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The bytes of the object as Postgres writes it back. It writes numbers without exponent, so `1e300` is 301 digits:
/// counted as it was sent, a small body could become an event that Kafka refuses.
fn object_bytes(object: &Attributes) -> usize {
    let members: usize = object.iter().map(|(key, value)| string_bytes(key) + 1 + bytes(value)).sum();
    2 + members + object.len().saturating_sub(1)
}

fn bytes(value: &Value) -> usize {
    match value {
        Value::Object(object) => object_bytes(object),
        Value::Array(items) => 2 + items.iter().map(bytes).sum::<usize>() + items.len().saturating_sub(1),
        Value::String(text) => string_bytes(text),
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map_or(0, |float| float.to_string().len())
        }
        scalar => scalar.to_string().len(),
    }
}

fn string_bytes(text: &str) -> usize {
    Value::from(text).to_string().len()
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Array(items) => items.iter().any(has_nul),
        Value::String(text) => text.contains('\0'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Attributes {
        serde_json::from_value(value).unwrap()
    }

    fn passes(value: Value) -> bool {
        let mut violations = Violations::default();
        check(&object(value), &mut violations);
        violations.finish().is_ok()
    }

    fn keys(count: usize) -> Value {
        (0..count).map(|n| (format!("k{n}"), json!(n))).collect::<Attributes>().into()
    }

    #[test]
    fn each_limit_holds_exactly() {
        assert!(passes(keys(MAX_KEYS)) && !passes(keys(MAX_KEYS + 1)));
        assert!(
            passes(json!({"a": {"b": {"c": [1, 2]}}})) && !passes(json!({"a": {"b": {"c": {"d": [1]}}}}))
        );
        let text = |bytes: usize| json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
        assert!(passes(text(MAX_BYTES)) && !passes(text(MAX_BYTES + 1)));
    }

    #[test]
    fn what_postgres_cannot_store_is_refused() {
        for bad in [json!({"a": "\0"}), json!({"\0": 1}), json!({"a": [{"b\0": 1}]})] {
            assert!(!passes(bad));
        }
    }

    #[test]
    fn a_number_counts_with_all_its_digits() {
        assert_eq!(bytes(&json!(1e300)), 301);
        assert!(!passes(json!({"a": vec![1e300; 60]})));
        assert!(!passes(json!({"a": vec![1e-300; 60]})));
    }

    #[test]
    fn the_examples_of_rfc_7396_hold() {
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
            let mut merged = object(target);
            merge(&mut merged, object(patch));
            assert_eq!(Value::Object(merged), result);
        }
    }

    #[test]
    fn a_parameter_is_a_scalar_or_else_a_string() {
        for (text, value) in [
            ("1", json!(1)),
            ("true", json!(true)),
            ("null", json!(null)),
            ("\"1\"", json!("1")),
            ("red", json!("red")),
            ("[1]", json!("[1]")),
            ("{}", json!("{}")),
            ("", json!("")),
        ] {
            assert_eq!(scalar(text), value, "{text}");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a-d]", inner, 0..4).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    fn any_object() -> impl Strategy<Value = Attributes> {
        prop::collection::hash_map("[a-d]", any_value(), 0..5).prop_map(|map| map.into_iter().collect())
    }

    /// Whether the value has a null member anywhere in objects within objects.
    fn has_null_member(object: &Attributes) -> bool {
        object.values().any(|value| match value {
            Value::Null => true,
            Value::Object(object) => has_null_member(object),
            _ => false,
        })
    }

    proptest! {
        #[test]
        fn without_floats_the_counted_bytes_are_those_of_the_compact_text(attributes in any_object()) {
            prop_assert_eq!(object_bytes(&attributes), serde_json::to_string(&attributes).unwrap().len());
        }

        #[test]
        fn a_patch_applied_twice_is_a_patch_applied_once(target in any_object(), patch in any_object()) {
            let mut once = target;
            merge(&mut once, patch.clone());
            let mut twice = once.clone();
            merge(&mut twice, patch);
            prop_assert_eq!(once, twice);
        }

        #[test]
        fn a_patch_onto_nothing_gives_itself_without_nulls(patch in any_object()) {
            let mut merged = Attributes::new();
            merge(&mut merged, patch.clone());
            prop_assert!(!has_null_member(&merged));
            if !has_null_member(&patch) {
                prop_assert_eq!(merged, patch);
            }
        }
    }
}
