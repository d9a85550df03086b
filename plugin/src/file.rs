//! A `TrackloreStack` in a file, as the API server would take it.

use std::{io::Read, path::Path};

use serde_json::Value;
use tracklore_operator::api::v1alpha1::TrackloreStack;

use crate::Error;

/// Reads it; `-` is standard input. Its namespace is the one that is asked for, else its own, else `otherwise`.
pub fn stack(file: &Path, namespace: Option<&str>, otherwise: &str) -> Result<TrackloreStack, Error> {
    let unreadable = |error: &dyn std::fmt::Display| Error::Refused(format!("{}: {error}", file.display()));
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    }
    parse(&text, namespace, otherwise).map_err(|sentence| unreadable(&sentence))
}

/// The same of a text, or a sentence about what is wrong with it.
pub fn parse(text: &str, namespace: Option<&str>, otherwise: &str) -> Result<TrackloreStack, String> {
    let given: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let mut stack: TrackloreStack =
        serde_json::from_value(given.clone()).map_err(|error| error.to_string())?;
    let known = serde_json::to_value(&stack).map_err(|error| error.to_string())?;
    let unknown = unknown(&given, &known, "");
    if !unknown.is_empty() {
        return Err(format!("a TrackloreStack has no {}", unknown.join(", ")));
    }
    stack.metadata.namespace =
        namespace.map(str::to_owned).or(stack.metadata.namespace).or_else(|| Some(otherwise.to_owned()));
    Ok(stack)
}

/// The fields of what was given that nobody knows, as the API server would find them.
fn unknown(given: &Value, known: &Value, path: &str) -> Vec<String> {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            let told = given.iter().filter(|(_, value)| !value.is_null());
            let fields = told.flat_map(|(name, value)| {
                let path = format!("{path}.{name}");
                known.get(name).map_or_else(|| vec![path.clone()], |known| unknown(value, known, &path))
            });
            fields.collect()
        }
        (Value::Array(given), Value::Array(known)) => {
            given.iter().zip(known).flat_map(|(given, known)| unknown(given, known, path)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = include_str!("../../examples/minimal.yaml");

    #[test]
    fn a_misspelt_field_is_named() {
        let misspelt = MINIMAL.replace("publicUrl:", "publicURL: http://localhost\n  publicUrl:");
        let said = parse(&misspelt, None, "default").unwrap_err();
        assert_eq!(said, "a TrackloreStack has no .spec.publicURL");
    }

    #[test]
    fn the_namespace_is_the_one_that_is_asked_for() {
        let namespace =
            |text: &str, asked| parse(text, asked, "otherwise").unwrap().metadata.namespace.unwrap();
        let own = MINIMAL.replacen("metadata:", "metadata:\n  namespace: own", 1);
        assert_eq!(namespace(&own, Some("elsewhere")), "elsewhere");
        assert_eq!(namespace(&own, None), "own");
        assert_eq!(namespace(MINIMAL, None), "otherwise");
    }
}
