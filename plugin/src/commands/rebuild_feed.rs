//! `rebuild-feed`: all that Redis holds anew, beside what is read meanwhile.

use std::process::ExitCode;

use tracklore_operator::stack::component::Service;

use super::{Format, Output};
use crate::{Error, exec, target::Target};

/// Has a pod of the feed do it, and shows how it gets on: for programs, an object a line. The exit code is the program's.
pub async fn run(target: &Target, output: &Output) -> Result<ExitCode, Error> {
    let format = match output.format() {
        Format::Json => "json",
        Format::Text => "text",
    };
    let words = ["rebuild", "--log-format", format].map(str::to_owned);
    exec::run(target, Service::Feed, &words).await
}
