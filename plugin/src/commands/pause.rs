//! `pause` and `resume`: whether the operator writes.

use std::{io::Write, process::ExitCode};

use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tracklore_operator::api::v1alpha1::TrackloreStack;

use crate::{Error, target::Target};

/// Sets `spec.paused`.
pub async fn run(target: &Target, paused: bool) -> Result<ExitCode, Error> {
    let stacks = Api::<TrackloreStack>::namespaced(target.client.clone(), &target.namespace());
    let patch = Patch::Merge(json!({"spec": {"paused": paused}}));
    let parameters =
        PatchParams { field_manager: Some("kubectl-tracklore".into()), ..PatchParams::default() };
    stacks.patch(&target.name(), &parameters, &patch).await?;
    let sentence = if paused {
        "The operator leaves the stack as it is, until: kubectl tracklore resume"
    } else {
        "The operator takes care of the stack again."
    };
    writeln!(std::io::stdout(), "{sentence}")?;
    Ok(ExitCode::SUCCESS)
}
