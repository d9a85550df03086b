//! The checked-in CRD is the one the types give, and `kubectl apply` takes it without a word.

use serde_json::Value;
use tracklore_operator::api::v1alpha1::{crd, reference};

/// `kubectl apply` keeps the whole object in an annotation; what is beyond this leaves too little room.
const LARGEST: usize = 100 * 1024;

#[test]
fn the_file_in_crds_is_what_the_types_give() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/tracklorestacks.tracklore.io.yaml");
    let found = std::fs::read_to_string(file).unwrap();
    assert!(
        found == crd::yaml().unwrap(),
        "run: cargo run -p tracklore-operator -- crd > crds/tracklorestacks.tracklore.io.yaml"
    );
}

#[test]
fn the_definition_stays_small() {
    let size = serde_json::to_vec(&crd::definition().unwrap()).unwrap().len();
    assert!(size < LARGEST, "{size} bytes");
}

fn visit(value: &Value, path: &str, check: &mut impl FnMut(&str, &Value)) {
    check(path, value);
    for (name, child) in value.get("properties").and_then(Value::as_object).into_iter().flatten() {
        visit(child, &format!("{path}.{name}"), check);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(child) = value.get(key) {
            visit(child, &format!("{path}[]"), check);
        }
    }
}

fn schema() -> Option<Value> {
    crd::definition().ok()?.pointer("/spec/versions/0/schema/openAPIV3Schema").cloned()
}

#[test]
fn every_field_is_described_and_has_a_format_that_kubernetes_knows() {
    visit(&schema().unwrap(), "", &mut |path, field| {
        let free = path.is_empty() || path.ends_with("[]") || path == ".status.conditions";
        assert!(free || field.get("description").is_some(), "{path} has no description");
        if let Some(format) = field.get("format").and_then(Value::as_str) {
            assert!(["int32", "int64", "date-time"].contains(&format), "{path} has the format {format}");
        }
        assert!(field.get("nullable").is_none(), "{path} is nullable");
    });
}

#[test]
fn every_list_and_text_in_the_spec_has_a_limit() {
    visit(schema().unwrap().pointer("/properties/spec").unwrap(), "spec", &mut |path, field| {
        let kind = field.get("type").and_then(Value::as_str);
        let closed = field.get("enum").is_some() || path.ends_with("[]");
        assert!(kind != Some("array") || field.get("maxItems").is_some(), "{path} has no maxItems");
        assert!(
            kind != Some("string") || closed || field.get("maxLength").is_some(),
            "{path} has no maxLength"
        );
    });
}

#[test]
fn the_reference_names_every_field() {
    let text = reference::markdown(&crd::definition().unwrap());
    for field in [
        "spec.publicUrl",
        "spec.kafka.topics[].retention",
        "spec.gateway.traefik.service.nodePort",
        "status.conditions",
    ] {
        assert!(text.contains(&format!("| `{field}` |")), "{field} is missing");
    }
}
