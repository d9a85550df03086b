//! What is documented of events, in `docs/events`: a JSON schema for each type, golden examples of everything ever
//! published, an `AsyncAPI` document, and `published.txt`, the fields that consumers rely on. The tests of this module
//! compare these with one another; [`Stack::assert_documented`] compares them with what the services really publish.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use jsonschema::Validator;
use serde_json::Value;
use tracklore_platform::event::Record;

use crate::Stack;

/// Everything that is documented.
pub struct Catalogue {
    types: BTreeMap<String, Documented>,
    envelope: Validator,
    /// Topic of each type, as `AsyncAPI` says.
    topics: BTreeMap<String, String>,
}

struct Documented {
    schema: Value,
    validator: Validator,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/events")
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder by the first part of their names.
fn files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path))
        .collect()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).expect("a valid schema")
}

impl Catalogue {
    /// Reads what lies in `docs/events`.
    pub fn read() -> Self {
        let mut schemas = files(&folder().join("schemas"));
        let envelope = validator(&json(&schemas.remove("envelope").expect("the envelope's schema")));
        let types = schemas.into_iter().map(|(name, path)| {
            let schema = json(&path);
            (name, Documented { validator: validator(&schema), schema })
        });
        Self { types: types.collect(), envelope, topics: topics(&asyncapi()) }
    }

    /// What is wrong with this record, read from `topic` (without prefix).
    pub fn violations(&self, topic: &str, record: &Record) -> Vec<String> {
        let headers: serde_json::Map<_, _> = record
            .headers
            .iter()
            .map(|(key, value)| (key.clone(), String::from_utf8_lossy(value).into_owned().into()))
            .collect();
        let mut wrong = errors(&self.envelope, &Value::Object(headers));
        let kind = record.header("ce_type").unwrap_or_default();
        if record.header("ce_subject").map(str::as_bytes) != Some(&record.key) {
            wrong.push("the key isn't ce_subject".to_owned());
        }
        let Some(documented) = self.types.get(kind) else {
            wrong.push(format!("{kind:?} is not documented"));
            return wrong;
        };
        if self.topics.get(kind).map(String::as_str) != Some(topic) {
            wrong.push(format!("{kind} doesn't belong into {topic}"));
        }
        // a record without a value empties its key of a compacted topic
        let Some(value) = &record.value else { return wrong };
        let payload: Value = serde_json::from_slice(value).unwrap_or_default();
        wrong.extend(errors(&documented.validator, &payload));
        // consumers ignore what they don't know, but what is published has to be documented
        let known = documented.schema.get("properties").and_then(Value::as_object).expect("properties");
        let fields = payload.as_object().into_iter().flatten();
        wrong.extend(fields.filter(|(k, _)| !known.contains_key(*k)).map(|(k, _)| format!("{kind}: {k}?")));
        wrong
    }
}

impl Stack {
    /// Fails unless every record in the topic is as documented; gives the types seen.
    pub async fn assert_documented(&self, topic: &str) -> BTreeSet<String> {
        let catalogue = Catalogue::read();
        let mut seen = BTreeSet::new();
        for record in self.records(topic).await {
            let kind = record.header("ce_type").unwrap_or_default().to_owned();
            let value = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned();
            assert_eq!(catalogue.violations(topic, &record), Vec::<String>::new(), "{kind} {value}");
            seen.insert(kind);
        }
        seen
    }
}

fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

fn asyncapi() -> Value {
    let text = fs::read_to_string(folder().join("asyncapi.yaml")).expect("the AsyncAPI document");
    serde_saphyr::from_str(&text).expect("YAML")
}

/// Topic of each type: the messages of each channel.
fn topics(asyncapi: &Value) -> BTreeMap<String, String> {
    let channels = asyncapi.pointer("/channels").and_then(Value::as_object).expect("channels");
    let messages = |channel: &Value| channel.get("messages").and_then(Value::as_object).cloned();
    channels
        .iter()
        .flat_map(|(_, channel)| {
            let address = channel.get("address").and_then(Value::as_str).expect("an address").to_owned();
            let names = messages(channel).expect("messages").into_iter().map(|(name, _)| name);
            names.map(move |name| (name, address.clone())).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line for each field that consumers can rely on.
    fn promises(catalogue: &Catalogue) -> BTreeSet<String> {
        let mut lines = BTreeSet::new();
        for (name, Documented { schema, .. }) in &catalogue.types {
            let required: Vec<_> = schema["required"].as_array().unwrap().iter().collect();
            for (field, rule) in schema["properties"].as_object().unwrap() {
                let need =
                    if required.contains(&&Value::from(field.as_str())) { "always" } else { "sometimes" };
                let parts = ["type", "format", "enum", "const"];
                let parts = parts.iter().filter_map(|part| Some(format!(" {part}={}", rule.get(part)?)));
                lines.insert(format!("{name} {field} {need}{}", parts.collect::<String>()));
            }
        }
        lines
    }

    #[test]
    fn every_published_example_fits_its_schema_and_every_type_has_one() {
        let catalogue = Catalogue::read();
        let examples = files(&folder().join("examples"));
        // the folders' names end in .v1, which is no extension
        let folders: BTreeSet<_> =
            examples.values().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        assert_eq!(folders, catalogue.types.keys().cloned().collect());
        for kind in folders {
            for path in files(&folder().join("examples").join(&kind)).values() {
                let example = json(path);
                let headers = example["headers"].as_object().unwrap();
                let record = Record {
                    topic: String::new(),
                    partition: 0,
                    offset: 0,
                    key: example["key"].as_str().unwrap().as_bytes().to_vec(),
                    value: Some(example["payload"].to_string().into_bytes()),
                    headers: headers
                        .iter()
                        .map(|(key, value)| (key.clone(), value.as_str().unwrap().as_bytes().to_vec()))
                        .collect(),
                };
                assert_eq!(record.header("ce_type"), Some(kind.as_str()), "{}", path.display());
                let wrong = catalogue.violations(&catalogue.topics[&kind], &record);
                assert_eq!(wrong, Vec::<String>::new(), "{}", path.display());
            }
        }
    }

    #[test]
    fn the_asyncapi_document_has_exactly_the_documented_types_and_refers_to_their_schemas() {
        let (catalogue, document) = (Catalogue::read(), asyncapi());
        assert_eq!(document["asyncapi"], "3.0.0");
        let messages = document["components"]["messages"].as_object().unwrap();
        for names in [messages.keys().collect::<BTreeSet<_>>(), catalogue.topics.keys().collect()] {
            assert_eq!(names, catalogue.types.keys().collect());
        }
        for (name, message) in messages {
            assert_eq!(message["payload"]["$ref"], format!("./schemas/{name}.json"));
            assert_eq!(message["headers"]["$ref"], "./schemas/envelope.json");
        }
    }

    #[test]
    fn nothing_that_consumers_rely_on_is_taken_away_or_changed() {
        let text = fs::read_to_string(folder().join("published.txt")).unwrap_or_default();
        let published: BTreeSet<_> =
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        let now = promises(&Catalogue::read());
        let broken: Vec<_> = published.difference(&now).collect();
        let new = now.difference(&published).cloned().collect::<Vec<_>>().join("\n");
        assert!(broken.is_empty(), "consumers rely on this; publish a new version instead: {broken:#?}");
        assert!(new.is_empty(), "add what is new to docs/events/published.txt:\n{new}");
    }

    #[test]
    fn consumers_may_be_sent_fields_that_they_do_not_know() {
        for (name, Documented { schema, .. }) in &Catalogue::read().types {
            assert!(schema.get("additionalProperties").is_none(), "{name} must stay open for additions");
        }
    }
}
