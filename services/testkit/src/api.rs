//! The published OpenAPI documents, in `docs/api`, against what the code says now: clients that were written for what is
//! published go on working. Additions are fine; what would break a client is said in a sentence each.

mod schema;

use std::{collections::BTreeSet, fs, path::Path, sync::LazyLock};

use schema::{Direction, Schemas};
use serde_json::{Map, Value};

/// Fails when `document` breaks what `docs/api/<name>.json` has promised; `make docs-generated` publishes additions.
pub fn assert_compatible(name: &str, document: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/api/{name}.json"));
    // what was never published promises nothing
    let Ok(text) = fs::read_to_string(&path) else { return };
    let published = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let breaks = breaks(&published, document);
    assert!(
        breaks.is_empty(),
        "clients rely on docs/api/{name}.json; offer the new way beside the old one: {breaks:#?}"
    );
}

/// What of `published` doesn't hold any more `now`.
pub fn breaks(published: &Value, now: &Value) -> Vec<String> {
    let mut comparison = Comparison { schemas: Schemas { published, now }, breaks: Vec::new() };
    for (path, item) in object(published, "paths") {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let name = format!("{} {path}", method.to_uppercase());
            match object(now, "paths").get(path).and_then(|item| item.get(method)) {
                Some(present) => comparison.operation(&name, operation, present),
                None => comparison.breaks.push(format!("{name} is gone")),
            }
        }
    }
    comparison.breaks
}

struct Comparison<'a> {
    schemas: Schemas<'a>,
    breaks: Vec<String>,
}

impl Comparison<'_> {
    fn operation(&mut self, name: &str, before: &Value, now: &Value) {
        self.access(name, before, now);
        self.parameters(name, before, now);
        self.request(name, before.get("requestBody"), now.get("requestBody"));
        for (status, answer) in
            object(before, "responses").iter().filter(|(status, _)| status.as_str() < "400")
        {
            match object(now, "responses").get(status) {
                Some(present) => self.answer(&format!("{name}: the answer {status}"), answer, present),
                None => self.breaks.push(format!("{name} doesn't answer {status} any more")),
            }
        }
    }

    /// Who could call can call.
    fn access(&mut self, name: &str, before: &Value, now: &Value) {
        let scopes = |operation: &Value| -> BTreeSet<String> {
            let schemes = array(operation, "security").iter().filter_map(Value::as_object);
            let scopes = schemes
                .flat_map(|scheme| scheme.values())
                .flat_map(|scopes| scopes.as_array().into_iter().flatten());
            scopes.map(Value::to_string).collect()
        };
        let anybody = |operation: &Value| {
            let security = array(operation, "security");
            security.is_empty() || security.iter().any(|scheme| scheme.as_object().is_some_and(Map::is_empty))
        };
        if anybody(before) && !anybody(now) {
            self.breaks.push(format!("{name} takes a token now"));
        }
        for scope in scopes(now).difference(&scopes(before)) {
            self.breaks.push(format!("{name} takes the scope {scope} now"));
        }
    }

    fn parameters(&mut self, name: &str, before: &Value, now: &Value) {
        let key = |parameter: &Value| {
            let text = |key| parameter.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            // names of parameters in paths are nobody's business
            (text("in"), if text("in") == "path" { String::new() } else { text("name") })
        };
        let is_required =
            |parameter: &Value| parameter.get("required").and_then(Value::as_bool) == Some(true);
        let (before, now) = (array(before, "parameters"), array(now, "parameters"));
        for parameter in before.iter().filter(|parameter| key(parameter).0 != "path") {
            let (place, title) = key(parameter);
            match now.iter().find(|present| key(present) == key(parameter)) {
                Some(present) => {
                    let place = format!("{name}: the {place} parameter {title}");
                    self.schema(Direction::Request, &place, parameter.get("schema"), present.get("schema"));
                }
                None => {
                    self.breaks.push(format!("{name} doesn't take the {place} parameter {title} any more"));
                }
            }
        }
        for parameter in now.iter().filter(|parameter| is_required(parameter) && key(parameter).0 != "path") {
            let was_required = before.iter().any(|past| key(past) == key(parameter) && is_required(past));
            if !was_required {
                let (place, title) = key(parameter);
                self.breaks.push(format!("{name} wants the {place} parameter {title} now"));
            }
        }
    }

    fn request(&mut self, name: &str, before: Option<&Value>, now: Option<&Value>) {
        let is_required = |body: &Value| body.get("required").and_then(Value::as_bool) == Some(true);
        match (before, now) {
            (None, Some(body)) if is_required(body) => self.breaks.push(format!("{name} wants a body now")),
            (Some(_), None) => self.breaks.push(format!("{name} doesn't take a body any more")),
            (Some(before), Some(now)) => {
                if is_required(now) && !is_required(before) {
                    self.breaks.push(format!("{name} wants a body now"));
                }
                self.content(Direction::Request, &format!("{name}: the body"), before, now);
            }
            (None, _) => {}
        }
    }

    fn answer(&mut self, place: &str, before: &Value, now: &Value) {
        for header in object(before, "headers").keys() {
            if !object(now, "headers").contains_key(header) {
                self.breaks.push(format!("{place} doesn't have the header {header} any more"));
            }
        }
        self.content(Direction::Answer, place, before, now);
    }

    fn content(&mut self, direction: Direction, place: &str, before: &Value, now: &Value) {
        for (media_type, content) in object(before, "content") {
            match object(now, "content").get(media_type) {
                Some(present) => self.schema(direction, place, content.get("schema"), present.get("schema")),
                None => self.breaks.push(format!("{place} can't be {media_type} any more")),
            }
        }
    }

    fn schema(&mut self, direction: Direction, place: &str, before: Option<&Value>, now: Option<&Value>) {
        if let (Some(before), Some(now)) = (before, now) {
            let breaks = self.schemas.breaks(direction, before, now);
            self.breaks.extend(breaks.into_iter().map(|what| format!("{place}{what}")));
        }
    }
}

fn object<'a>(value: &'a Value, key: &str) -> &'a Map<String, Value> {
    static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    value.get(key).and_then(Value::as_object).unwrap_or(&EMPTY)
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests;
