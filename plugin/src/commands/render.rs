//! `render`: plain manifests of a stack, for a cluster without the operator, or to look at.

use std::{io::Write, path::PathBuf, process::ExitCode};

use jiff::Timestamp;
use serde_json::json;
use tracklore_operator::stack::validate::{self, Refusal};

use crate::{
    Error, file, manifests,
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
        Some(path) => file::stack(path, which.namespace(), "default")?,
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_examples_can_be_rendered() {
        for example in [
            include_str!("../../../examples/minimal.yaml"),
            include_str!("../../../examples/demo.yaml"),
            include_str!("../../../examples/delegated.yaml"),
            include_str!("../../../examples/external.yaml"),
            include_str!("../../../examples/three-brokers.yaml"),
        ] {
            let stack = file::parse(example, None, "default").unwrap();
            let objects = manifests::objects(&validate::validate(&stack).unwrap());
            for object in objects {
                let read: Value = serde_saphyr::from_str(&manifests::yaml(&object).unwrap()).unwrap();
                assert_eq!(read, object);
            }
        }
    }
}
