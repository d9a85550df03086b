//! `pause` and `resume`: whether the operator writes.

use std::{io::Write, process::ExitCode};

use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::{Error, target::Target};

/// Sets `spec.paused`.
pub async fn run(target: &Target, paused: bool) -> Result<ExitCode, Error> {
    set(target, paused).await?;
    let sentence = if paused {
        "The operator leaves the stack as it is, until: kubectl tracklore resume"
    } else {
        "The operator takes care of the stack again."
    };
    writeln!(std::io::stdout(), "{sentence}")?;
    Ok(ExitCode::SUCCESS)
}

/// Sets it, and tells nobody.
pub async fn set(target: &Target, paused: bool) -> Result<(), Error> {
    let patch = Patch::Merge(json!({"spec": {"paused": paused}}));
    let parameters =
        PatchParams { field_manager: Some("kubectl-tracklore".into()), ..PatchParams::default() };
    target.stacks().patch(&target.name(), &parameters, &patch).await?;
    Ok(())
}
