//! What breaks clients, and what doesn't.

use serde_json::json;

use super::*;

fn document() -> Value {
    json!({
        "paths": {"/v1/things/{id}": {"patch": {
            "security": [{}, {"bearer": ["a"]}],
            "parameters": [
                {"in": "path", "name": "id", "required": true, "schema": {"type": "integer"}},
                {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 100}},
            ],
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wish"}}}},
            "responses": {
                "200": {"headers": {"ETag": {}}, "content": {"application/json": {"schema": {
                    "oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Thing"}],
                }}}},
                "404": {},
            },
        }}},
        "components": {"schemas": {
            "Wish": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "maxLength": 10},
                "kind": {"type": "string", "enum": ["a", "b"]},
            }},
            "Thing": {"type": "object", "required": ["name", "parts"], "properties": {
                "name": {"type": ["string", "null"]},
                "at": {"type": "string", "format": "date-time"},
                "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
            }},
        }},
    })
}

/// What breaks when the value at `pointer` is changed.
fn after(pointer: &str, change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut now = document();
    change(now.pointer_mut(pointer).expect("it is there"));
    breaks(&document(), &now)
}

const OPERATION: &str = "/paths/~1v1~1things~1{id}/patch";
const WISH: &str = "/components/schemas/Wish";
const THING: &str = "/components/schemas/Thing";

fn set(value: Value) -> impl FnOnce(&mut Value) {
    move |old| *old = value
}

fn without(key: &str) -> impl FnOnce(&mut Value) {
    move |object| drop(object.as_object_mut().unwrap().remove(key))
}

fn with(key: &str, value: Value) -> impl FnOnce(&mut Value) {
    move |object| drop(object.as_object_mut().unwrap().insert(key.to_owned(), value))
}

#[test]
fn additions_break_nothing() {
    let optional = json!([{"in": "query", "name": "cursor"}, {"in": "query", "name": "limit"}]);
    assert_eq!(breaks(&document(), &document()), Vec::<String>::new());
    for (pointer, change) in [
        ("/paths", with("/v1/more", json!({"get": {}}))),
        (&*format!("{OPERATION}/responses"), with("409", json!({}))),
        (&format!("{WISH}/properties"), with("more", json!({"type": "string"}))),
        (&format!("{THING}/properties"), with("more", json!({"type": "string"}))),
    ] {
        assert_eq!(after(pointer, change), Vec::<String>::new(), "{pointer}");
    }
    for (pointer, value) in [
        (format!("{OPERATION}/parameters"), optional),
        (format!("{OPERATION}/security"), json!([])),
        (format!("{WISH}/required"), json!([])),
        (format!("{WISH}/properties/name/maxLength"), json!(11)),
        (format!("{WISH}/properties/kind/enum"), json!(["a", "b", "c"])),
        (format!("{WISH}/properties/name/type"), json!(["string", "null"])),
        (format!("{THING}/properties/name/type"), json!("string")),
        (format!("{THING}/required"), json!(["name", "parts", "at"])),
    ] {
        assert_eq!(after(&pointer, set(value)), Vec::<String>::new(), "{pointer}");
    }
}

#[test]
fn what_is_gone_is_missed() {
    let name = "PATCH /v1/things/{id}";
    assert_eq!(after("/paths", without("/v1/things/{id}")), [format!("{name} is gone")]);
    assert_eq!(after("/paths/~1v1~1things~1{id}", without("patch")), [format!("{name} is gone")]);
    assert_eq!(after(OPERATION, without("requestBody")), [format!("{name} doesn't take a body any more")]);
    assert_eq!(
        after(OPERATION, without("parameters")),
        [format!("{name} doesn't take the query parameter limit any more")]
    );
    assert_eq!(
        after(&format!("{OPERATION}/responses"), without("200")),
        [format!("{name} doesn't answer 200 any more")]
    );
    assert_eq!(
        after(&format!("{OPERATION}/responses/200"), without("headers")),
        [format!("{name}: the answer 200 doesn't have the header ETag any more")]
    );
    assert_eq!(
        after(&format!("{WISH}/properties"), without("kind")),
        [format!("{name}: the body/kind is gone")]
    );
    assert_eq!(
        after(&format!("{OPERATION}/requestBody/content"), without("application/json")),
        [format!("{name}: the body can't be application/json any more")]
    );
}

#[test]
fn what_clients_send_must_still_be_taken() {
    let body = "PATCH /v1/things/{id}: the body";
    for (pointer, value, told) in [
        (format!("{WISH}/required"), json!(["name", "kind"]), format!("{body}/kind is wanted now")),
        (
            format!("{WISH}/properties/name/type"),
            json!("integer"),
            format!("{body}/name has another type: integer instead of string"),
        ),
        (
            format!("{WISH}/properties/name/maxLength"),
            json!(9),
            format!("{body}/name is bound more tightly: maxLength 9"),
        ),
        (
            format!("{WISH}/properties/kind/enum"),
            json!(["a"]),
            format!("{body}/kind has another enum: a instead of a or b"),
        ),
        (
            format!("{OPERATION}/security"),
            json!([{"bearer": ["a"]}]),
            "PATCH /v1/things/{id} takes a token now".to_owned(),
        ),
        (
            format!("{OPERATION}/security"),
            json!([{}, {"bearer": ["a", "b"]}]),
            "PATCH /v1/things/{id} takes the scope \"b\" now".to_owned(),
        ),
        (
            format!("{OPERATION}/parameters/1/schema/maximum"),
            json!(50),
            "PATCH /v1/things/{id}: the query parameter limit is bound more tightly: maximum 50".to_owned(),
        ),
    ] {
        assert_eq!(after(&pointer, set(value)), [told], "{pointer}");
    }
    let wanted = after(&format!("{OPERATION}/parameters/1"), with("required", json!(true)));
    assert_eq!(wanted, ["PATCH /v1/things/{id} wants the query parameter limit now"]);
    let bound = after(&format!("{WISH}/properties/kind"), with("minLength", json!(1)));
    assert_eq!(bound, [format!("{body}/kind is bound more tightly: minLength 1")]);
}

#[test]
fn what_clients_get_must_be_what_they_know() {
    let answer = "PATCH /v1/things/{id}: the answer 200";
    let kinds = format!("{OPERATION}/responses/200/content/application~1json/schema/oneOf");
    for (pointer, value, told) in [
        (format!("{THING}/required"), json!(["name"]), "/parts may be left out now"),
        (
            format!("{THING}/properties/name/type"),
            json!(["string", "null", "integer"]),
            "/name has another type: integer or null or string instead of null or string",
        ),
        (format!("{THING}/properties/at/format"), json!("date"), "/at has another format"),
        (format!("{kinds}/0/type"), json!("boolean"), " has another type: boolean instead of null"),
        (
            kinds,
            json!([{"type": "null"}, {"type": "boolean"}, {"type": "string"}]),
            " can be of a new kind now",
        ),
    ] {
        assert_eq!(after(&pointer, set(value)), [format!("{answer}{told}")], "{pointer}");
    }
    let gone = after(&format!("{THING}/properties"), without("at"));
    assert_eq!(gone, [format!("{answer}/at is gone")]);
}
