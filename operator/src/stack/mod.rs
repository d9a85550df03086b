//! One stack, from what is asked for to what is: `observe → validate → build → apply → status`.
//!
//! Only [`observe`] and [`apply`] speak to the API server. Nothing waits here: a pass goes as far as it can, and what it
//! started wakes the next one.

pub mod announce;
pub mod apply;
pub mod build;
pub mod certificates;
pub mod component;
pub mod delegated;
#[cfg(test)]
mod fixtures;
pub mod generate;
pub mod given;
pub mod glimpse;
pub mod kept;
pub mod kinds;
pub mod logins;
pub mod observe;
pub mod observed;
pub mod patience;
pub mod placement;
pub mod plan;
pub mod pod_overrides;
pub mod pods;
pub mod publish;
pub mod quota;
pub mod reserved;
pub mod rollout;
pub mod rotation;
pub mod routes;
pub mod source;
pub mod states;
pub mod status;
pub mod topics;
pub mod troubles;
pub mod validate;
pub mod versions;

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use kube::{
    Client, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{controller::Action, watcher::Event},
};
use tracklore_telemetry::{
    log::About,
    trace::{Described, Kind, Span},
};

use self::{
    announce::Announcer,
    apply::{Applier, Memory, Outcome},
    observe::{SecretCache, Stores},
    observed::{ChildId, Observed},
    patience::{PATIENCE, Patience},
    quota::Quota,
};
use crate::{
    api::v1alpha1::{TrackloreStack, TrackloreStackStatus},
    runtime::{backoff::Backoff, metrics},
};

/// A stack as the watch delivers it: one that can't be read doesn't stop the others.
pub type GuardedStack = DeserializeGuard<TrackloreStack>;

/// What all passes share.
pub struct Context {
    /// The connection.
    pub client: Client,
    /// The children of all stacks.
    pub stores: Stores,
    /// What was applied.
    pub memory: Memory,
    /// What was read of Secrets.
    pub secrets: SecretCache,
    /// How long stacks have waited for pods.
    pub patience: Patience,
    /// Tells people by Kubernetes Events.
    pub announcer: Announcer,
    /// Which stacks failed how often.
    pub backoff: Backoff,
    /// How many stacks a namespace may hold.
    pub quota: Quota,
}

impl Context {
    /// Takes note of what the watch on stacks says. A pass may end when its stack is gone already; the watch knows the order.
    pub fn hear(&self, event: &Event<GuardedStack>) {
        match event {
            Event::Apply(stack) | Event::InitApply(stack) => {
                self.backoff.heard(&stack.uid().unwrap_or_default());
                tell(stack);
            }
            Event::Delete(stack) => self.forget(stack),
            Event::Init | Event::InitDone => {}
        }
    }

    fn forget(&self, stack: &GuardedStack) {
        let uid = stack.uid().unwrap_or_default();
        self.memory.forget(&uid);
        self.secrets.forget(&uid);
        self.patience.forget(&uid);
        self.backoff.forget(&uid);
        metrics::forget(stack.meta());
    }
}

/// Tells Prometheus of a stack that is there.
fn tell(stack: &GuardedStack) {
    match &stack.0 {
        Ok(read) => metrics::stack(stack.meta(), read.spec.suspended, read.status.as_ref()),
        Err(invalid) => {
            let status = publish::unreadable(stack.meta(), &invalid.error, Timestamp::now());
            metrics::stack(stack.meta(), false, Some(&status));
        }
    }
}

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading failed.
    #[error("failed to look at the children: {0}")]
    Observe(#[source] Box<kube::Error>),
    /// Writing failed.
    #[error(transparent)]
    Apply(#[from] apply::Error),
    /// The status couldn't be written.
    #[error("failed to write the status: {0}")]
    Publish(#[source] Box<kube::Error>),
}

/// When a stack that its namespace has no room for is looked at again: nothing tells that another one went.
const UNTIL_THERE_IS_ROOM: Duration = Duration::from_mins(1);

/// When a stack is looked at again that names what other people have other operators run: none of it is watched.
const WHAT_IS_NAMED: Duration = Duration::from_mins(1);

/// One pass over one stack, as soon as it has rested from the one before.
pub async fn reconcile(stack: Arc<GuardedStack>, context: Arc<Context>) -> Result<Action, Error> {
    let uid = stack.uid().unwrap_or_default();
    if let Some(rest) = context.backoff.rest(&uid) {
        return Ok(Action::requeue(rest));
    }
    let (started, running) = (Instant::now(), metrics::Pass::begin());
    let span = Span::entry(Kind::Internal, None);
    let about = About::default()
        .with("namespace", stack.namespace().unwrap_or_default())
        .with("stack", stack.name_any())
        .with("generation", stack.meta().generation.unwrap_or_default());
    let result = span.run(about.scope(Box::pin(pass(&stack, &context)))).await;
    span.end(result.is_err(), || described(&stack, &result));
    let took = started.elapsed();
    running.end(took, result.is_ok());
    if result.is_ok() {
        context.backoff.succeeded(&uid, took);
    }
    result
}

fn described(stack: &GuardedStack, result: &Result<Action, Error>) -> Described {
    let described = Described::new("reconcile")
        .with("k8s.namespace.name", stack.namespace().unwrap_or_default())
        .with("tracklore.stack.name", stack.name_any());
    match result {
        Ok(_) => described,
        Err(error) => described.failed(error),
    }
}

/// When a failed pass is tried again: later each time.
#[expect(clippy::needless_pass_by_value, reason = "the controller wants this signature")]
pub fn error_policy(stack: Arc<GuardedStack>, error: &Error, context: Arc<Context>) -> Action {
    let wait = context.backoff.failed(&stack.uid().unwrap_or_default());
    tracing::warn!(stack = stack.name_any(), namespace = stack.namespace(), %error, ?wait, "a pass failed");
    Action::requeue(wait)
}

async fn pass(guarded: &GuardedStack, context: &Context) -> Result<Action, Error> {
    if guarded.meta().deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let (status, action) = match &guarded.0 {
        Err(invalid) => {
            (publish::unreadable(guarded.meta(), &invalid.error, Timestamp::now()), Action::await_change())
        }
        Ok(stack) => next(stack, context).await?,
    };
    let before = guarded.0.as_ref().ok().and_then(|stack| stack.status.as_ref());
    if before != Some(&status) {
        publish::publish(&context.client, guarded.meta(), &status)
            .await
            .map_err(|error| Error::Publish(Box::new(error)))?;
        context.announcer.tell(guarded, before, &status).await;
    }
    Ok(action)
}

async fn next(stack: &TrackloreStack, context: &Context) -> Result<(TrackloreStackStatus, Action), Error> {
    let before = stack.status.as_ref();
    let generation = stack.metadata.generation;
    if let Some(refusal) = context.quota.refusal(&stack.metadata) {
        let status = status::refused(before, generation, &refusal, Timestamp::now());
        return Ok((status, Action::requeue(UNTIL_THERE_IS_ROOM)));
    }
    let valid = match validate::validate(stack) {
        Ok(valid) => valid,
        Err(refusal) => {
            return Ok((
                status::refused(before, generation, &refusal, Timestamp::now()),
                Action::await_change(),
            ));
        }
    };
    let completed = before.map_or(&[][..], |status| status.completed_jobs.as_slice());
    let Context { client, stores, secrets, patience, .. } = context;
    let mut observed = observe::observe(client, stores, secrets, patience, &valid, before)
        .await
        .map_err(|error| Error::Observe(Box::new(error)))?;
    metrics::certificates_end(&stack.metadata, observed.certificate_ends());
    observed.history = rollout::history(&valid, before, Timestamp::now());
    let plan = build::plan(&valid, &observed, completed);
    let applier = Applier {
        client,
        memory: &context.memory,
        secrets,
        names: &valid.names,
        uid: &valid.uid,
        owner: build::owner(&valid),
        authority: OnceLock::new(),
    };
    let outcome = if valid.paused { Outcome::default() } else { applier.apply(&plan, &observed).await? };
    let status = status::settled(before, generation, &valid, &plan, &observed, &outcome, Timestamp::now());
    let undone = |id: &ChildId| observed.told.get(id).is_none_or(|told| !told.done);
    let unsigned = |secret: &String| !observed.given.contains_key(secret);
    let unwatched = !plan.missing.is_empty()
        || plan.delegated.iter().any(undone)
        || given::made_by_others(&valid).iter().any(unsigned)
        || logins::are_replaced(&plan.secrets, &observed);
    let mut wait = wait(&outcome, &observed, unwatched, &valid.uid);
    if plan.delegated.iter().any(|id| !plan.expected.contains(id)) {
        wait = wait.min(WHAT_IS_NAMED);
    }
    let now = Timestamp::now();
    let due = [
        rotation::wait(&plan, &observed, now),
        logins::wait(&plan, &observed, now),
        rollout::wait(&valid, &status, now),
    ];
    let due = due
        .into_iter()
        .flatten()
        .filter(|_| !valid.paused && outcome.obstacles.is_empty())
        .filter_map(|due| due.try_into().ok());
    Ok((status, Action::requeue(due.fold(wait, Duration::min))))
}

/// When to look again although nothing has happened.
fn wait(outcome: &Outcome, observed: &Observed, unwatched: bool, uid: &str) -> Duration {
    if outcome.secrets_made {
        // as soon as it has rested
        Duration::ZERO
    } else if observed.waits_for_pods() && !observed.pods_seen {
        PATIENCE
    } else if !outcome.obstacles.is_empty() || observed.waits_for_pods() || unwatched {
        // Why a pod doesn't start is told by no watch, nor that one has gone; and Secrets aren't watched.
        Duration::from_secs(15)
    } else {
        // Spread over half an hour, so that many stacks don't come at once.
        let spread =
            uid.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))) % 1800;
        Duration::from_secs(3600 + spread)
    }
}
