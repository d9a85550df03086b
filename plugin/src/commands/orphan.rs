//! `orphan`: leaves the operator behind and keeps what runs.
//!
//! The stack is paused first, and the operator has to have seen it: an owner reference that it wrote after the others are
//! gone would take its object along. Then the stack is deleted in the way that makes the cluster remove the owner
//! references of all it owned.

use std::{
    io::Write,
    process::ExitCode,
    time::{Duration, Instant},
};

use kube::api::{DeleteParams, Preconditions, PropagationPolicy};
use tracklore_operator::api::v1alpha1::TrackloreStack;

use super::pause;
use crate::{Error, target::Target, terminal::confirm};

/// How long the operator and the cluster may take.
const PATIENCE: Duration = Duration::from_mins(1);
const PACE: Duration = Duration::from_millis(500);

/// Options of `orphan`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Don't ask
    #[arg(long, short)]
    yes: bool,
    /// The operator is gone already: don't wait until it has paused the stack
    #[arg(long)]
    without_operator: bool,
}

/// Removes the stack and nothing else.
pub async fn run(target: Target, arguments: &Arguments) -> Result<ExitCode, Error> {
    let (name, namespace) = (target.name(), target.namespace());
    let what = format!(
        "The TrackloreStack {name} in {namespace} is deleted. Everything that it runs stays as it is and goes on running,\n\
         and nobody takes care of it any more: no repair, no upgrade, no rotation. A stack made again under this name\n\
         takes back claims and Secrets, but not workloads: they would have to be deleted first."
    );
    if !arguments.yes && !confirm(&what, &name)? {
        return Ok(ExitCode::FAILURE);
    }
    pause::set(&target, true).await?;
    let stacks = target.stacks();
    if !arguments.without_operator {
        let paused = async || Ok(is_paused(&stacks.get(&name).await?));
        until(paused, || {
            "the operator hasn't paused the stack within a minute, so nothing was deleted; where it doesn't run any more, add --without-operator"
                .to_owned()
        })
        .await?;
    }
    let uid = target.stack.metadata.uid.clone();
    let parameters = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        preconditions: Some(Preconditions { uid: uid.clone(), resource_version: None }),
        ..DeleteParams::default()
    };
    stacks.delete(&name, &parameters).await?;
    let gone = async || Ok(stacks.get_opt(&name).await?.is_none_or(|stack| stack.metadata.uid != uid));
    until(gone, || {
        format!(
            "the cluster hasn't let go of the stack's objects within a minute; it goes on by itself: kubectl -n {namespace} get tstack {name}"
        )
    })
    .await?;
    writeln!(
        std::io::stdout(),
        "{name} is gone, and what it ran goes on: kubectl -n {namespace} get all -l app.kubernetes.io/instance={name}"
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Waits for it, and refuses with the sentence when it takes too long.
async fn until(
    mut is_so: impl AsyncFnMut() -> Result<bool, Error>,
    otherwise: impl FnOnce() -> String,
) -> Result<(), Error> {
    let began = Instant::now();
    while !is_so().await? {
        if began.elapsed() > PATIENCE {
            return Err(Error::Refused(otherwise()));
        }
        tokio::time::sleep(PACE).await;
    }
    Ok(())
}

/// Whether the operator has seen that it must write nothing.
fn is_paused(stack: &TrackloreStack) -> bool {
    let Some(status) = &stack.status else { return false };
    status.observed_generation == stack.metadata.generation
        && status
            .conditions
            .iter()
            .any(|condition| condition.type_ == "Progressing" && condition.reason == "Paused")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stack_is_paused_once_the_operator_says_so_of_the_present_spec() {
        let stack = |seen: i64, reason: &str| -> TrackloreStack {
            serde_json::from_value(json!({
                "apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack",
                "metadata": {"name": "demo", "generation": 3},
                "spec": {"version": "0.1.0", "publicUrl": "http://localhost", "paused": true,
                    "postgres": {}, "kafka": {}, "redis": {}},
                "status": {"observedGeneration": seen, "conditions": [{
                    "type": "Progressing", "status": "False", "reason": reason, "message": "",
                    "lastTransitionTime": "2026-01-01T10:00:00Z"}]}
            }))
            .unwrap()
        };
        assert!(is_paused(&stack(3, "Paused")));
        assert!(!is_paused(&stack(2, "Paused")));
        assert!(!is_paused(&stack(3, "Settled")));
    }
}
