//! Takes secrets out of what is given to others. Secrets themselves aren't read at all; this is for what people and programs
//! have written elsewhere: into variables, addresses, annotations, logs.

use std::{borrow::Cow, sync::LazyLock};

use regex::{Captures, Regex};
use serde_json::Value;

/// What stands where something was.
const REMOVED: &str = "[removed]";
/// Where `kubectl apply` keeps a copy of what it was given.
const COPY: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Names of what is a secret, in variables, options, JSON and YAML.
const NAMED: &str = "[a-z0-9_.-]*(?:password|passwd|secret|token|credentials?|private[_-]?key|api[_-]?key)";
/// How a value follows its name. Where quotes say where it ends, it may contain anything.
const VALUES: [&str; 4] = [
    r#"["']?\s*[=:]\s*")(?:[^"\\]|\\.)+"#,
    r#"["']?\s*[=:]\s*')[^']+"#,
    // JSON as a text in JSON
    r#"\\"\s*:\s*\\")[^"\\]+"#,
    r#"["']?\s*[=:]\s*)[^\s"'\\,;&}\]]+"#,
];

/// What looks like a secret, and what is left of it. The first group is kept, and one called `after`.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let shapes = [
        // user and password of an address
        r#"([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s"'@]+(?P<after>@)"#,
        // private keys
        r"()-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(-----END [A-Z ]*PRIVATE KEY-----|$)",
        // signed tokens
        r"()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)?",
        r"(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}",
    ];
    // password=…, "client_secret": "…", SASL_PASSWORD: …
    let named = VALUES.map(|value| format!("(?i)({NAMED}{value}"));
    shapes
        .into_iter()
        .chain(named.iter().map(String::as_str))
        .filter_map(|shape| Regex::new(shape).ok())
        .collect()
});

/// Words in the name of a variable whose value is nobody's business.
const TELLING: [&str; 6] = ["PASSWORD", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "AUTH"];

/// A text without what looks like a secret.
pub fn text(text: &str) -> String {
    SHAPES.iter().fold(text.to_owned(), |text, shape| {
        let kept = |found: &Captures<'_>| {
            let after = found.name("after").map_or("", |kept| kept.as_str());
            format!("{}{REMOVED}{after}", found.get(1).map_or("", |kept| kept.as_str()))
        };
        match shape.replace_all(&text, kept) {
            Cow::Borrowed(_) => text,
            Cow::Owned(replaced) => replaced,
        }
    })
}

/// An object of the cluster without what looks like a secret, and without what only machines read.
pub fn object(value: &mut Value) {
    match value {
        Value::Object(members) => {
            // Data of a Secret, wherever one may turn up.
            if members.get("kind").is_some_and(|kind| kind == "Secret") {
                members.retain(|name, _| !matches!(name.as_str(), "data" | "stringData"));
            }
            members.remove("managedFields");
            members.remove(COPY);
            if is_variable(members) && !is_ours(members) {
                members.insert("value".to_owned(), REMOVED.into());
            }
            members.values_mut().for_each(object);
        }
        Value::Array(items) => items.iter_mut().for_each(object),
        Value::String(said) => *said = text(said),
        _ => {}
    }
}

/// `{"name": …, "value": …}`: a variable of a container, or of `services.<name>.env`.
fn is_variable(members: &serde_json::Map<String, Value>) -> bool {
    members.len() == 2 && members.contains_key("name") && members.get("value").is_some_and(Value::is_string)
}

/// What the operator writes into variables is no secret: those come from Secrets. What people write may be one.
fn is_ours(members: &serde_json::Map<String, Value>) -> bool {
    let name = members.get("name").and_then(Value::as_str).unwrap_or_default();
    name.starts_with("TRACKLORE_") && !TELLING.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_shapes_can_be_read() {
        assert_eq!(SHAPES.len(), 8);
    }

    #[test]
    fn secrets_in_texts_go_and_the_rest_stays() {
        for (said, left) in [
            (
                "connecting to postgres://ada:s3cr3t@db:5432/x failed",
                "connecting to postgres://[removed]@db:5432/x failed",
            ),
            ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer [removed]"),
            (r#"{"password":"quiet \"lake","user":"ada"}"#, r#"{"password":"[removed]","user":"ada"}"#),
            (r#""{\"password\":\"quiet lake\",\"a\":1}""#, r#""{\"password\":\"[removed]\",\"a\":1}""#),
            ("client_secret: 'quiet lake' # ours", "client_secret: '[removed]' # ours"),
            ("redis-cli -a x --password=hunter22 ping", "redis-cli -a x --password=[removed] ping"),
            ("token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln is bad", "token [removed] is bad"),
            ("the post 42 was written by user 7", "the post 42 was written by user 7"),
            ("http://demo-auth:8080/.well-known/jwks.json", "http://demo-auth:8080/.well-known/jwks.json"),
            ("secretName: demo-tls", "secretName: demo-tls"),
        ] {
            assert_eq!(text(said), left);
        }
        let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----\nafter";
        assert_eq!(text(key), "[removed]\nafter");
    }

    #[test]
    fn objects_keep_what_the_operator_wrote_and_lose_what_people_may_have() {
        let mut deployment = json!({
            "metadata": {"managedFields": [], "annotations": {COPY: "{\"password\":1}", "team": "posts"}},
            "env": [
                {"name": "TRACKLORE_PUBLIC_URL", "value": "http://localhost:8080"},
                {"name": "SMTP_LOGIN", "value": "swordfish"},
                {"name": "TRACKLORE_X_TOKEN", "value": "swordfish"},
                {"name": "TRACKLORE_REDIS_URL", "valueFrom": {"secretKeyRef": {"name": "demo-redis-feed", "key": "uri"}}}
            ]
        });
        object(&mut deployment);
        assert_eq!(
            deployment,
            json!({
                "metadata": {"annotations": {"team": "posts"}},
                "env": [
                    {"name": "TRACKLORE_PUBLIC_URL", "value": "http://localhost:8080"},
                    {"name": "SMTP_LOGIN", "value": "[removed]"},
                    {"name": "TRACKLORE_X_TOKEN", "value": "[removed]"},
                    {"name": "TRACKLORE_REDIS_URL", "valueFrom": {"secretKeyRef": {"name": "demo-redis-feed", "key": "uri"}}}
                ]
            })
        );
        let mut secret =
            json!({"kind": "Secret", "metadata": {"name": "x"}, "data": {"password": "c3dvcmRmaXNo"}});
        object(&mut secret);
        assert_eq!(secret, json!({"kind": "Secret", "metadata": {"name": "x"}}));
    }
}
