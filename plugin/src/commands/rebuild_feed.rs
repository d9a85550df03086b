//! `rebuild-feed`: all that Redis holds anew, beside what is read meanwhile.

use std::process::ExitCode;

use serde_json::json;
use tracklore_operator::stack::component::Service;

use super::{Format, Output};
use crate::{Error, exec, target::Target};

/// Has a pod of the feed do it, and shows how it gets on; programs are told in the end. The exit code is the program's.
pub async fn run(target: &Target, output: &Output) -> Result<ExitCode, Error> {
    let words = ["rebuild", "--log-format", "text"].map(str::to_owned);
    if output.format() == Format::Text {
        return Ok(exec::run(target, Service::Feed, &words, std::io::stdout()).await?.into());
    }
    let mut said = Vec::new();
    let code = exec::run(target, Service::Feed, &words, &mut said).await?;
    super::json(&json!({"rebuilt": code == 0, "said": String::from_utf8_lossy(&said)}))?;
    Ok(code.into())
}
