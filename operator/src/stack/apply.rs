//! Brings the plan about, by server-side apply, and only where something is left to do.

mod secrets;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use k8s_openapi::{api::apps::v1::Deployment, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions},
};
use serde_json::json;

use super::{
    build,
    component::{MANAGER, Names},
    delegated,
    generate::{self, Authority},
    glimpse::Mention,
    kept::{Shown, mark},
    observe::SecretCache,
    observed::{ChildId, Kind, Observed, Owner},
    plan::{Child, Plan},
};

/// Why a pass ended early. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server didn't do what was asked.
    #[error("failed to apply {child}: {source}")]
    Api {
        /// What was applied.
        child: String,
        /// What it answered.
        #[source]
        source: Box<kube::Error>,
    },
    /// A Secret couldn't be made.
    #[error(transparent)]
    Generate(#[from] generate::Error),
}

/// What stands in the way of a child. The others are applied nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// An object of that name isn't ours.
    Foreign,
    /// The object of a deleted stack isn't gone yet.
    Leaving,
    /// The API server refuses it.
    Refused(String),
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Children that couldn't be applied, as `Kind/name`.
    pub obstacles: Vec<(String, Obstacle)>,
    /// Whether Secrets were made, or logins in them changed: the next pass can build what needs them.
    pub secrets_made: bool,
    /// Workloads whose newest spec the watch hasn't shown yet: what was seen of them is told of an older one.
    pub behind: BTreeSet<String>,
}

/// In whose name the number of pods is, from when an autoscaler is asked for until it sets it.
const AUTOSCALED: &str = "tracklore-operator-autoscaled";

/// Everything is applied again after this time, whatever memory says.
const FULL_APPLY: Duration = Duration::from_hours(1);

/// What was applied, so that it isn't applied again.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<String, HashMap<ChildId, Applied>>>);

struct Applied {
    fingerprint: u64,
    mark: u128,
    at: Instant,
}

impl Memory {
    /// The mark of what was applied, where nothing is left to do.
    fn holds(&self, uid: &str, id: &ChildId, fingerprint: u64, observed: &Observed) -> Option<u128> {
        let stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let applied = stacks.get(uid).and_then(|children| children.get(id))?;
        // The watch may be behind what was applied, so an older mark is no change by somebody else.
        let untouched = match observed.seen.get(id) {
            Some(seen) => seen.mark <= applied.mark,
            None => id.kind == Kind::Claim,
        };
        (applied.fingerprint == fingerprint && untouched && applied.at.elapsed() < FULL_APPLY)
            .then_some(applied.mark)
    }

    fn keep(&self, uid: &str, id: ChildId, fingerprint: u64, mark: u128) {
        let mut stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stacks
            .entry(uid.to_owned())
            .or_default()
            .insert(id, Applied { fingerprint, mark, at: Instant::now() });
    }

    /// Forgets what was applied for a stack.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// Applies plans of one stack.
pub struct Applier<'a> {
    /// The connection.
    pub client: &'a Client,
    /// What was applied before.
    pub memory: &'a Memory,
    /// What was read of Secrets.
    pub secrets: &'a SecretCache,
    /// The stack.
    pub names: &'a Names,
    /// Its uid.
    pub uid: &'a str,
    /// The reference that makes Secrets go with it.
    pub owner: OwnerReference,
    /// Who signs its certificates, once that has been read.
    pub authority: OnceLock<Authority>,
}

impl Applier<'_> {
    /// Applies a plan.
    pub async fn apply(&self, plan: &Plan, observed: &Observed) -> Result<Outcome, Error> {
        let mut outcome = Outcome::default();
        for secret in &plan.secrets {
            self.secret(secret, plan.secrets_owned, observed, &mut outcome).await?;
        }
        for child in &plan.children {
            let id = child.id();
            let label = format!("{}/{}", id.kind.as_str(), id.name);
            if let Some(why) = observed.unlisted.get(&id.kind) {
                // Whoever doesn't see what there is would write it again in each pass.
                let sentence = format!("the operator can't see which there are: {why}");
                outcome.obstacles.push((label, Obstacle::Refused(sentence)));
                continue;
            }
            match observed.seen.get(&id).map(|seen| seen.owner) {
                Some(Owner::Foreign) => outcome.obstacles.push((label, Obstacle::Foreign)),
                Some(Owner::Leaving) => outcome.obstacles.push((label, Obstacle::Leaving)),
                Some(Owner::Us) | None => match self.child(child, &id, observed).await? {
                    Ok(mark) => {
                        let workload = matches!(id.kind, Kind::Deployment | Kind::StatefulSet);
                        if workload && observed.seen.get(&id).is_none_or(|seen| seen.mark < mark) {
                            outcome.behind.insert(id.name);
                        }
                    }
                    Err(obstacle) => outcome.obstacles.push((label, obstacle)),
                },
            }
        }
        for id in build::orphans(plan, observed) {
            tracing::info!(kind = id.kind.as_str(), name = id.name, "removing what is no longer asked for");
            // A Job stays until its pods have ended: what takes its place may have to wait for that.
            let jobs = id.kind == Kind::Job;
            let how = if jobs { DeleteParams::foreground() } else { DeleteParams::background() };
            self.remove(&id, observed, how).await?;
        }
        // Only once the claims have been taken: a cluster that can't grow them keeps what it has.
        for id in plan.outgrown.iter().filter(|_| outcome.obstacles.is_empty()) {
            tracing::info!(name = id.name, "making the StatefulSet anew around its pods, for larger claims");
            self.remove(id, observed, DeleteParams::orphan()).await?;
        }
        Ok(outcome)
    }

    /// Applies a child where something is left to do. The mark that it has then.
    async fn child(
        &self,
        child: &Child,
        id: &ChildId,
        observed: &Observed,
    ) -> Result<Result<u128, Obstacle>, Error> {
        let fingerprint = child.fingerprint();
        if let Some(mark) = self.memory.holds(self.uid, id, fingerprint, observed) {
            return Ok(Ok(mark));
        }
        // Claims belong to their StatefulSet; only their size is ours.
        let known = id.kind == Kind::Claim || observed.seen.contains_key(id);
        if known && let Child::Deployment(deployment) = child {
            self.leave_replicas(deployment, observed).await?;
        }
        match self.patch(child, id, known).await {
            Ok(Ok(mark)) => {
                tracing::debug!(kind = id.kind.as_str(), name = id.name, "applied");
                self.memory.keep(self.uid, id.clone(), fingerprint, mark);
                Ok(Ok(mark))
            }
            Ok(Err(obstacle)) => Ok(Err(obstacle)),
            Err(error) => match refusal(&error).or_else(|| delegated::refusal(id.kind, &error)) {
                Some(obstacle) => Ok(Err(obstacle)),
                None => Err(Error::Api {
                    child: format!("{}/{}", id.kind.as_str(), id.name),
                    source: Box::new(error),
                }),
            },
        }
    }

    /// A number of pods that isn't asked for any more would fall back to one, until the autoscaler raises it again. So
    /// the present number is put into another manager's name before; an autoscaler that has set it already keeps it.
    async fn leave_replicas(&self, deployment: &Deployment, observed: &Observed) -> Result<(), Error> {
        let name = deployment.metadata.name.as_deref().unwrap_or_default();
        let asked = deployment.spec.as_ref().and_then(|spec| spec.replicas);
        let (None, Some(workload)) = (asked, observed.deployments.get(name)) else { return Ok(()) };
        let left = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": workload.desired},
        });
        let params = PatchParams::apply(AUTOSCALED);
        match self.api(Kind::Deployment).patch(name, &params, &Patch::Apply(&left)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if (400..500).contains(&status.code) => Ok(()),
            Err(error) => Err(Error::Api { child: format!("Deployment/{name}"), source: Box::new(error) }),
        }
    }

    /// Applies an object. One that the watch doesn't show is made where nothing has its name, and looked at where something
    /// has: it may be somebody else's.
    async fn patch(
        &self,
        child: &Child,
        id: &ChildId,
        known: bool,
    ) -> Result<Result<u128, Obstacle>, kube::Error> {
        let api = self.api(id.kind);
        let params = PatchParams::apply(MANAGER).force();
        if !known {
            match api.patch(&id.name, &params, &Patch::Apply(&child.unless_there())).await {
                Err(kube::Error::Api(status)) if status.is_conflict() => {}
                made => return Ok(Ok(mark(made?.meta()))),
            }
            let there = api.get_opt(&id.name).await?;
            match there.map(|there| Shown::of(&there, ()).seen(id.kind, self.names, self.uid).owner) {
                Some(Owner::Leaving) => return Ok(Err(Obstacle::Leaving)),
                Some(Owner::Foreign) => return Ok(Err(Obstacle::Foreign)),
                Some(Owner::Us) | None => {}
            }
        }
        let stored = api.patch(&id.name, &params, &Patch::Apply(child)).await?;
        Ok(Ok(mark(stored.meta())))
    }

    async fn remove(&self, id: &ChildId, observed: &Observed, how: DeleteParams) -> Result<(), Error> {
        let uid = observed.seen.get(id).map(|seen| seen.uid.clone());
        let params = how.preconditions(Preconditions { uid, resource_version: None });
        let result = self.api(id.kind).delete(&id.name, &params).await;
        match result {
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
            other => other.map(drop).map_err(|error| Error::Api {
                child: format!("{}/{}", id.kind.as_str(), id.name),
                source: Box::new(error),
            }),
        }
    }

    /// Objects of a kind in the stack's namespace; which they are is known at run time only.
    fn api(&self, kind: Kind) -> Api<Mention<DynamicObject>> {
        Api::namespaced_with(self.client.clone(), &self.names.namespace, &kind.resource())
    }
}

/// What trying again at once wouldn't change.
fn refusal(error: &kube::Error) -> Option<Obstacle> {
    match error {
        kube::Error::Api(status) if matches!(status.code, 400 | 403 | 405 | 413 | 422) => {
            Some(Obstacle::Refused(status.message.clone()))
        }
        _ => None,
    }
}
