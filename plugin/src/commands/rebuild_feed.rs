//! `rebuild-feed`: all that Redis holds anew, beside what is read meanwhile.

use std::process::ExitCode;

use tracklore_operator::stack::component::Service;

use crate::{Error, exec, target::Target};

/// Has a pod of the feed do it, and shows how it gets on. The exit code is the program's.
pub async fn run(target: &Target) -> Result<ExitCode, Error> {
    let words = ["rebuild", "--log-format", "text"].map(str::to_owned);
    exec::run(target, Service::Feed, &words).await
}
