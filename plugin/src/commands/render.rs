//! `render`: plain manifests of a stack, for a cluster without the operator, or to look at.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use jiff::Timestamp;
use serde_json::{Value, json};
use tracklore_operator::{
    api::v1alpha1::TrackloreStack,
    stack::validate::{self, Refusal},
};

use crate::{
    Error, manifests,
    target::{Target, Which},
};

/// Options of `render`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A file with a TrackloreStack, or - for standard input; the stack in the cluster when left out
    #[arg(long, short, value_name = "FILE")]
    filename: Option<PathBuf>,
    /// The Secrets instead, with new passwords and keys: for once, before the rest
    #[arg(long)]
    secrets: bool,
    /// How the manifests are written
    #[arg(long, short, value_enum, default_value_t)]
    output: Manifests,
}

/// How manifests are written.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Manifests {
    /// A document each.
    #[default]
    Yaml,
    /// One list.
    Json,
}

/// Writes the manifests. With a file, no cluster is asked.
pub async fn run(which: &Which, arguments: &Arguments) -> Result<ExitCode, Error> {
    let stack = match &arguments.filename {
        Some(file) => read(file, which.namespace())?,
        None => *Target::find(which).await?.stack,
    };
    let valid =
        validate::validate(&stack).map_err(|Refusal(sentences)| Error::Refused(sentences.join("\n")))?;
    let objects = if arguments.secrets {
        manifests::secrets(&valid, Timestamp::now()).map_err(|error| Error::Refused(error.to_string()))?
    } else {
        manifests::objects(&valid)
    };
    let mut output = std::io::stdout().lock();
    match arguments.output {
        Manifests::Json => super::json(&json!({"apiVersion": "v1", "kind": "List", "items": objects}))?,
        Manifests::Yaml => {
            for object in &objects {
                write!(output, "---\n{}", manifests::yaml(object)?)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path, namespace: Option<&str>) -> Result<TrackloreStack, Error> {
    let unreadable = |error: &dyn std::fmt::Display| Error::Refused(format!("{}: {error}", file.display()));
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    }
    parse(&text, namespace).map_err(|sentence| unreadable(&sentence))
}

fn parse(text: &str, namespace: Option<&str>) -> Result<TrackloreStack, String> {
    let given: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let mut stack: TrackloreStack =
        serde_json::from_value(given.clone()).map_err(|error| error.to_string())?;
    let known = serde_json::to_value(&stack).map_err(|error| error.to_string())?;
    let unknown = unknown(&given, &known, "");
    if !unknown.is_empty() {
        return Err(format!("a TrackloreStack has no {}", unknown.join(", ")));
    }
    stack.metadata.namespace =
        namespace.map(str::to_owned).or(stack.metadata.namespace).or(Some("default".to_owned()));
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

    const MINIMAL: &str = include_str!("../../../examples/minimal.yaml");

    #[test]
    fn the_examples_can_be_rendered() {
        for example in [
            MINIMAL,
            include_str!("../../../examples/demo.yaml"),
            include_str!("../../../examples/delegated.yaml"),
            include_str!("../../../examples/external.yaml"),
            include_str!("../../../examples/three-brokers.yaml"),
        ] {
            let stack = parse(example, None).unwrap();
            let objects = manifests::objects(&validate::validate(&stack).unwrap());
            for object in objects {
                let read: Value = serde_saphyr::from_str(&manifests::yaml(&object).unwrap()).unwrap();
                assert_eq!(read, object);
            }
        }
    }

    #[test]
    fn a_misspelt_field_is_named() {
        let misspelt = MINIMAL.replace("publicUrl:", "publicURL: http://localhost\n  publicUrl:");
        let said = parse(&misspelt, None).unwrap_err();
        assert_eq!(said, "a TrackloreStack has no .spec.publicURL");
    }

    #[test]
    fn the_namespace_is_the_one_that_is_asked_for() {
        let namespace = |asked| parse(MINIMAL, asked).unwrap().metadata.namespace.unwrap();
        assert_eq!(namespace(Some("elsewhere")), "elsewhere");
        assert!(!namespace(None).is_empty());
    }
}
