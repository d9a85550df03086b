//! Takes the picture: watched children from memory, generated Secrets by name. Only reads.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, StatefulSet},
        batch::v1::{CronJob, Job},
        core::v1::Secret,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::PartialObjectMeta,
    runtime::reflector::{Store, store::WriterDropped},
};

use super::{
    build::{FETCH_KEYS, RESTORED_KEYS, secret_names},
    component::{Component, INSTANCE, MANAGED_BY, MANAGER, Names},
    given::{self, GivenSecret},
    kinds::Object,
    logins,
    observed::{ChildId, Copies, JobState, Kind, Observed, Owner, SecretSeen, Seen, Workload},
    plan::digest,
    pods, rotation, routes, troubles,
    validate::ValidStack,
};
use crate::api::http_route::HTTPRoute;

/// The children of all stacks, kept by watches.
pub struct Stores {
    /// Services and gateways.
    pub deployments: Store<Deployment>,
    /// Postgres, Kafka, Redis.
    pub stateful_sets: Store<StatefulSet>,
    /// Provisioning and migrations.
    pub jobs: Store<Job>,
    /// Backups.
    pub cron_jobs: Store<CronJob>,
    /// Everything else, without its content.
    pub plain: Vec<Box<dyn PlainStore>>,
}

/// Objects of one kind of which nothing but their being there matters.
pub trait PlainStore: Send + Sync {
    /// Those of a stack.
    fn seen(&self, names: &Names, uid: &str) -> Vec<(ChildId, Seen)>;
    /// Waits for the first list.
    fn ready(&self) -> BoxFuture<'_, Result<(), WriterDropped>>;
}

impl<K: Object> PlainStore for (Kind, Store<PartialObjectMeta<K>>) {
    fn seen(&self, names: &Names, uid: &str) -> Vec<(ChildId, Seen)> {
        let (kind, store) = self;
        let objects = of_stack(store, names).into_iter();
        objects
            .map(|object| (ChildId { kind: *kind, name: object.name_any() }, seen(&*object, names, uid)))
            .collect()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), WriterDropped>> {
        Box::pin(self.1.wait_until_ready())
    }
}

impl Stores {
    /// Waits until each watch has delivered its first list: before, what is missing may only be unknown.
    pub async fn ready(&self) -> Result<(), WriterDropped> {
        self.deployments.wait_until_ready().await?;
        self.stateful_sets.wait_until_ready().await?;
        self.jobs.wait_until_ready().await?;
        self.cron_jobs.wait_until_ready().await?;
        for store in &self.plain {
            store.ready().await?;
        }
        Ok(())
    }
}

/// How long what was read of a Secret counts. Secrets aren't watched: that would take the right to read all of them.
const SECRETS_COUNT_FOR: Duration = Duration::from_mins(5);

/// What was read of Secrets, by the uid of their stack.
#[derive(Default)]
pub struct SecretCache(Mutex<HashMap<String, SecretsOfStack>>);

/// What was read and when, by name.
type SecretsOfStack = HashMap<String, (Instant, SecretSeen)>;

impl SecretCache {
    fn get(&self, uid: &str, name: &str) -> Option<SecretSeen> {
        let stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, seen) = stacks.get(uid)?.get(name)?;
        (read.elapsed() < SECRETS_COUNT_FOR).then(|| seen.clone())
    }

    /// Keeps what was read.
    pub fn put(&self, uid: &str, name: &str, seen: &SecretSeen) {
        let mut stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stacks.entry(uid.to_owned()).or_default().insert(name.to_owned(), (Instant::now(), seen.clone()));
    }

    /// Forgets what was read for a stack.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// Takes the picture of one stack. `routed` tells that it had an `HTTPRoute`, asked for or not: those aren't watched, since
/// most clusters know no such thing. Whether something was `prepared` in its dependencies before says whether pods that
/// nothing owns are worth a look.
pub async fn observe(
    client: &Client,
    stores: &Stores,
    cache: &SecretCache,
    stack: &ValidStack,
    routed: bool,
    prepared: bool,
) -> Result<Observed, kube::Error> {
    let (names, uid) = (&stack.names, stack.uid.as_str());
    let mut observed = Observed::default();
    for deployment in of_stack(&stores.deployments, names) {
        let seen = seen(&*deployment, names, uid);
        if seen.owner == Owner::Us {
            observed.deployments.insert(deployment.name_any(), deployment_state(&deployment));
        }
        observed.seen.insert(ChildId { kind: Kind::Deployment, name: deployment.name_any() }, seen);
    }
    for set in of_stack(&stores.stateful_sets, names) {
        let seen = seen(&*set, names, uid);
        if seen.owner == Owner::Us || leaves_its_pods(&set.metadata, uid) {
            observed.stateful_sets.insert(set.name_any(), stateful_set_state(&set));
        }
        observed.seen.insert(ChildId { kind: Kind::StatefulSet, name: set.name_any() }, seen);
    }
    for job in of_stack(&stores.jobs, names) {
        let seen = seen(&*job, names, uid);
        if seen.owner == Owner::Us {
            observed.jobs.insert(job.name_any(), job_state(&job));
        }
        observed.seen.insert(ChildId { kind: Kind::Job, name: job.name_any() }, seen);
    }
    for cron_job in of_stack(&stores.cron_jobs, names) {
        let seen = seen(&*cron_job, names, uid);
        if seen.owner == Owner::Us {
            observed.copies = Some(copies(&cron_job));
        }
        observed.seen.insert(ChildId { kind: Kind::CronJob, name: cron_job.name_any() }, seen);
    }
    observed.seen.extend(stores.plain.iter().flat_map(|store| store.seen(names, uid)));
    let secrets = Api::<Secret>::namespaced(client.clone(), &names.namespace);
    for name in secret_names(stack) {
        let known = match cache.get(uid, &name) {
            Some(known) => Some(known),
            None => secrets.get_opt(&name).await?.map(|secret| secret_seen(&secret, names, uid)),
        };
        if let Some(known) = known {
            cache.put(uid, &name, &known);
            observed.secrets.insert(name, known);
        }
    }
    for GivenSecret { name, .. } in given::given(stack) {
        if let Some(secret) = secrets.get_opt(&name).await? {
            observed.given.insert(name, given::seen(&secret));
        }
    }
    if routed || stack.routes.is_some() {
        look_at_routes(client, names, uid, &mut observed).await?;
    }
    let lacks_key = || RESTORED_KEYS.iter().any(|key| !observed.secrets.contains_key(&names.child(key)));
    if stack.restore.is_some() && lacks_key() {
        observed.seal = pods::last_words(&pods::of(client, names).await?, FETCH_KEYS);
    }
    if observed.secrets.values().any(SecretSeen::has_two_logins) {
        observed.in_use = pods::keys_in_use(&pods::with_copies_of(client, names).await?);
    }
    let anew = if prepared { without_stateful_set(stack, &observed) } else { Vec::new() };
    if !anew.is_empty() || observed.waits_for_pods() {
        let pods = pods::of(client, names).await?;
        observed.troubles = troubles::of(&pods);
        for component in anew {
            let left = pods::left_alone(&pods, component);
            observed.stateful_sets.extend(left.map(|workload| (names.of(component), workload)));
        }
    }
    Ok(observed)
}

async fn look_at_routes(
    client: &Client,
    names: &Names,
    uid: &str,
    observed: &mut Observed,
) -> Result<(), kube::Error> {
    let name = names.of(Component::Gateway);
    let routes = Api::<HTTPRoute>::namespaced(client.clone(), &names.namespace);
    match routes.get(&name).await {
        Ok(route) => {
            observed.seen.insert(ChildId { kind: Kind::Route, name }, seen(&route, names, uid));
            observed.routes = Some(routes::state(&route));
            Ok(())
        }
        // Neither it is there, nor perhaps its kind.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error),
    }
}

/// The dependencies that should have a StatefulSet and have none.
fn without_stateful_set(stack: &ValidStack, observed: &Observed) -> Vec<Component> {
    let managed = [
        stack.postgres.managed().map(|_| Component::Postgres),
        stack.kafka.managed().map(|_| Component::Kafka),
        stack.redis.managed().map(|_| Component::Redis),
    ];
    let has = |component: &Component| observed.stateful_sets.contains_key(&stack.names.of(*component));
    managed.into_iter().flatten().filter(|component| !has(component)).collect()
}

/// Whether an object of ours is being deleted without its pods, as one is that is made anew around them.
fn leaves_its_pods(meta: &ObjectMeta, uid: &str) -> bool {
    let ours = meta.owner_references.iter().flatten().any(|owner| owner.uid == uid);
    ours && meta.finalizers.iter().flatten().any(|finalizer| finalizer == "orphan")
}

fn of_stack<K>(store: &Store<K>, names: &Names) -> Vec<std::sync::Arc<K>>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Clone + Eq + std::hash::Hash,
{
    store.state_filter(|object| {
        object.namespace().as_deref() == Some(&names.namespace)
            && object.labels().get(INSTANCE) == Some(&names.stack)
    })
}

fn seen<K: Resource>(object: &K, names: &Names, uid: &str) -> Seen {
    let meta = object.meta();
    Seen { owner: owner(meta, names, uid), uid: meta.uid.clone().unwrap_or_default(), mark: mark(meta) }
}

/// What tells that somebody changed what is asked for of an object: its generation, else its resource version. Where the
/// latter also moves with a status, it is the time of the last change of anything else.
pub fn mark(meta: &ObjectMeta) -> u128 {
    let version =
        || meta.resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default();
    let generation = meta.generation.or_else(|| last_change_beside_status(meta));
    generation.and_then(|generation| generation.try_into().ok()).unwrap_or_else(version)
}

fn last_change_beside_status(meta: &ObjectMeta) -> Option<i64> {
    let entries = meta.managed_fields.as_deref().unwrap_or_default();
    let (status, others): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| entry.subresource.as_deref() == Some("status"));
    let times = others.into_iter().filter_map(|entry| Some(entry.time.as_ref()?.0.as_second()));
    times.max().filter(|_| !status.is_empty())
}

/// Makes an object small: field managers make up most of it. What they tell beyond the generation is kept as one.
pub fn forget_managers(meta: &mut ObjectMeta) {
    meta.generation = meta.generation.or_else(|| last_change_beside_status(meta));
    meta.managed_fields = None;
}

/// Whose a child is.
pub fn owner(meta: &ObjectMeta, names: &Names, uid: &str) -> Owner {
    let mut stacks = meta
        .owner_references
        .iter()
        .flatten()
        .filter(|owner| owner.kind == "TrackloreStack" && owner.name == names.stack)
        .peekable();
    if stacks.peek().is_none() {
        return Owner::Foreign;
    }
    if meta.deletion_timestamp.is_some() || !stacks.any(|owner| owner.uid == uid) {
        return Owner::Leaving;
    }
    Owner::Us
}

/// What is told of a Secret. One without an owner is what an earlier stack of the same name has left for us.
pub fn secret_seen(secret: &Secret, names: &Names, uid: &str) -> SecretSeen {
    let meta = &secret.metadata;
    let labels = secret.labels();
    let ours = labels.get(MANAGED_BY).map(String::as_str) == Some(MANAGER)
        && labels.get(INSTANCE) == Some(&names.stack);
    let owners: BTreeSet<_> = meta.owner_references.iter().flatten().map(|owner| owner.uid.clone()).collect();
    let owner = if !ours {
        Owner::Foreign
    } else if meta.deletion_timestamp.is_some() || owners.iter().any(|owner| owner != uid) {
        Owner::Leaving
    } else {
        Owner::Us
    };
    let keys = secret.data.iter().flatten().filter_map(|(file, _)| rotation::made(file)).collect();
    SecretSeen { owner, digest: digest(&secret.data), owners, keys, logins: logins::seen(secret) }
}

fn deployment_state(deployment: &Deployment) -> Workload {
    let desired = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let Some(status) = &deployment.status else { return Workload { desired, ..Workload::default() } };
    let current = status.observed_generation >= deployment.metadata.generation;
    let progressing = status.conditions.iter().flatten().find(|condition| condition.type_ == "Progressing");
    let settled =
        progressing.is_some_and(|condition| condition.reason.as_deref() == Some("NewReplicaSetAvailable"));
    let failure = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True");
    let late = progressing.filter(|condition| condition.status == "False");
    Workload {
        desired,
        ready: status.available_replicas.unwrap_or(0),
        rolled_out: current && settled,
        stuck: failure.or(late).and_then(|condition| condition.message.clone()),
        storage: None,
    }
}

fn stateful_set_state(set: &StatefulSet) -> Workload {
    let desired = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let storage = set
        .spec
        .as_ref()
        .and_then(|spec| spec.volume_claim_templates.as_ref()?.first()?.spec.as_ref()?.resources.as_ref())
        .and_then(|resources| resources.requests.as_ref()?.get("storage"))
        .map(|size| size.0.clone());
    let Some(status) = &set.status else { return Workload { desired, storage, ..Workload::default() } };
    let current = status.observed_generation >= set.metadata.generation;
    Workload {
        desired,
        ready: if current { status.ready_replicas.unwrap_or(0) } else { 0 },
        rolled_out: current && status.update_revision == status.current_revision,
        stuck: None,
        storage,
    }
}

fn job_state(job: &Job) -> JobState {
    let status = job.status.as_ref();
    let has = |wanted: &str| {
        status.and_then(|status| status.conditions.as_ref()).is_some_and(|list| {
            list.iter().any(|condition| condition.type_ == wanted && condition.status == "True")
        })
    };
    if has("Complete") {
        JobState::Complete
    } else if has("Failed") {
        JobState::Failed
    } else {
        JobState::Running { failures: status.and_then(|status| status.failed).unwrap_or(0) }
    }
}

fn copies(cron_job: &CronJob) -> Copies {
    let Some(status) = &cron_job.status else { return Copies::default() };
    Copies {
        due: status.last_schedule_time.as_ref().map(|time| time.0),
        kept: status.last_successful_time.as_ref().map(|time| time.0),
        running: status.active.as_ref().is_some_and(|active| !active.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn meta(managers: &Value) -> ObjectMeta {
        serde_json::from_value(json!({"resourceVersion": "77", "managedFields": managers})).unwrap()
    }

    #[test]
    fn a_change_of_a_status_alone_is_no_change_of_what_is_asked_for() {
        let manager = |time: &str, subresource: &str| json!({"manager": "m", "operation": "Apply", "time": time, "subresource": subresource});
        let asked = manager("2026-01-01T00:00:09Z", "");
        assert_eq!(mark(&meta(&json!([asked]))), 77);
        let told = |time: &str| mark(&meta(&json!([asked, manager(time, "status")])));
        assert_eq!(told("2026-01-01T00:00:10Z"), told("2026-01-01T00:00:20Z"));

        let mut kept = meta(&json!([asked, manager("2026-01-01T00:00:10Z", "status")]));
        let before = mark(&kept);
        forget_managers(&mut kept);
        assert_eq!((mark(&kept), kept.managed_fields), (before, None));
    }
}
