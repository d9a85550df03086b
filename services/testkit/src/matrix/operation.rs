//! What an OpenAPI document says of an operation: how it is called, and who may.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

/// Who may call, as `security` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever comes; tokens aren't looked at.
    Open,
    /// Whoever comes, and whoever brings a token must bring a good one.
    Optional,
    /// Who brings a good token.
    Token,
}

/// An operation of a document.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The HTTP method.
    pub method: Method,
    /// The path with its `{parameters}`.
    pub path: String,
    /// Who may call.
    pub access: Access,
    /// What the token's user must have been granted.
    pub scope: Option<String>,
    /// Names of query parameters that can't be left out.
    pub required_query: Vec<String>,
    /// Whether it takes a body.
    pub takes_body: bool,
    /// The statuses that it may answer.
    pub statuses: BTreeSet<u16>,
}

impl Operation {
    /// All operations of a document.
    pub fn all(document: &Value) -> Vec<Self> {
        let paths = document.get("paths").and_then(Value::as_object).expect("paths");
        let operations = paths.iter().flat_map(|(path, item)| {
            let item = item.as_object().expect("operations");
            item.iter().map(move |(method, operation)| Self::read(path, method, operation))
        });
        operations.collect()
    }

    /// `GET /v1/users/{id}`
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn read(path: &str, method: &str, operation: &Value) -> Self {
        let name = format!("{method} {path}");
        let parameters = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let is_required_query = |parameter: &&Value| {
            text(parameter, "in").as_deref() == Some("query")
                && parameter.get("required").and_then(Value::as_bool) == Some(true)
        };
        let (access, scope) = access(&name, operation);
        let responses = operation.get("responses").and_then(Value::as_object).expect("responses");
        Self {
            method: method.to_uppercase().parse().expect("a method"),
            path: path.to_owned(),
            access,
            scope,
            required_query: parameters
                .iter()
                .filter(is_required_query)
                .filter_map(|p| text(p, "name"))
                .collect(),
            takes_body: operation.get("requestBody").is_some(),
            statuses: responses.keys().map(|status| status.parse().expect("a status")).collect(),
        }
    }
}

/// Who may call, and the scope that it takes. Saying nothing isn't saying that anybody may.
fn access(name: &str, operation: &Value) -> (Access, Option<String>) {
    let security = operation.get("security").and_then(Value::as_array);
    let alternatives =
        security.unwrap_or_else(|| panic!("{name} doesn't say who may call: `security(())` is anybody"));
    let schemes: Vec<_> = alternatives.iter().filter_map(Value::as_object).collect();
    let anybody = schemes.iter().any(|scheme| scheme.is_empty());
    let mut scopes = schemes.iter().flat_map(|scheme| scheme.values()).filter_map(Value::as_array).flatten();
    let access = match (anybody, schemes.iter().any(|scheme| !scheme.is_empty())) {
        (true, true) => Access::Optional,
        (false, true) => Access::Token,
        (_, false) => Access::Open,
    };
    (access, scopes.next().and_then(Value::as_str).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn access_of(security: &Value) -> (Access, Option<String>) {
        access("GET /", &json!({"security": security, "responses": {}}))
    }

    #[test]
    fn security_says_who_may_call() {
        assert_eq!(access_of(&json!([])), (Access::Open, None));
        assert_eq!(access_of(&json!([{}])), (Access::Open, None));
        assert_eq!(access_of(&json!([{}, {"bearer": []}])), (Access::Optional, None));
        assert_eq!(access_of(&json!([{"bearer": []}])), (Access::Token, None));
        assert_eq!(access_of(&json!([{"bearer": ["a:b"]}])), (Access::Token, Some("a:b".to_owned())));
    }

    #[test]
    #[should_panic(expected = "doesn't say who may call")]
    fn who_says_nothing_of_it_fails() {
        access("GET /", &json!({}));
    }
}
