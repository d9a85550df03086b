//! `rotate`: successors for what was made before now.

use std::process::ExitCode;

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::Output;
use crate::{Error, target::Target};

const SAID: &str = "Another key that signs tokens comes now. It signs in a quarter of an hour; the old one goes two hours from now.\n\
     Other logins to Postgres, Kafka and Redis come, too, where the operator makes them: pods start anew one by one, and\n\
     the old logins go when no pod uses them any more. The condition Progressing has the reason Rotating till then.\n\
     Servers of the stack get other certificates, too, and show them within about two minutes.";

/// Sets `spec.security.rotation.requestedAt` to the present.
pub async fn run(target: &Target, output: &Output) -> Result<ExitCode, Error> {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let patch = Patch::Merge(json!({"spec": {"security": {"rotation": {"requestedAt": now}}}}));
    let parameters =
        PatchParams { field_manager: Some("kubectl-tracklore".into()), ..PatchParams::default() };
    target.stacks().patch(&target.name(), &parameters, &patch).await?;
    let (namespace, stack) = (target.namespace(), target.name());
    output.tell(SAID, &json!({"namespace": namespace, "stack": stack, "requestedAt": now}))?;
    Ok(ExitCode::SUCCESS)
}
