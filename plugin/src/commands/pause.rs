//! `pause` and `resume`: whether the operator writes.

use std::process::ExitCode;

use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::Output;
use crate::{Error, target::Target};

/// Sets `spec.paused`.
pub async fn run(target: &Target, paused: bool, output: &Output) -> Result<ExitCode, Error> {
    set(target, paused).await?;
    let sentence = if paused {
        "The operator leaves the stack as it is, until: kubectl tracklore resume"
    } else {
        "The operator takes care of the stack again."
    };
    let (namespace, stack) = (target.namespace(), target.name());
    output.tell(sentence, &json!({"namespace": namespace, "stack": stack, "paused": paused}))?;
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
