//! Takes the picture: watched children from memory, generated Secrets by name. Only reads.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt};
use tokio::sync::{Notify, watch};

use super::{
    build::{FETCH_KEYS, RESTORED_KEYS, secret_names},
    certificates,
    component::{Component, INSTANCE, MANAGED_BY, MANAGER, Names},
    delegated::{self, Delegated, Told},
    given::{self, GivenSecret},
    glimpse::Glimpse,
    kept::Kept,
    logins,
    observed::{ChildId, Copies, JobState, Kind, Observed, Owner, SecretSeen, Seen, Workload},
    patience::Patience,
    plan::digest,
    pods, rotation, troubles,
    validate::ValidStack,
};
use crate::api::{cloud_native_pg::Cluster, strimzi::Kafka, v1alpha1::TrackloreStackStatus};

/// A `Cluster` of other people's.
type GivenCluster = Glimpse<Cluster, <Cluster as Delegated>::Spec, <Cluster as Delegated>::Status>;

/// The children of all stacks, kept by watches.
pub struct Stores {
    /// Services and gateways.
    pub deployments: Kept<Workload>,
    /// Postgres, Kafka, Redis.
    pub stateful_sets: Kept<Workload>,
    /// Provisioning and migrations.
    pub jobs: Kept<JobState>,
    /// Backups.
    pub cron_jobs: Kept<Copies>,
    /// What other operators act on.
    pub delegated: DelegatedStores,
    /// Everything else, by kind.
    pub plain: Vec<(Kind, Kept<()>)>,
}

impl Stores {
    /// What is there of a stack.
    fn look(&self, names: &Names, uid: &str) -> Observed {
        let mut observed = Observed::default();
        let seen = &mut observed.seen;
        let mut see = |kind: Kind, name: &str, child: Seen| {
            let ours = child.owner == Owner::Us;
            seen.insert(ChildId { kind, name: name.to_owned() }, child);
            ours
        };
        self.deployments.each(names, |name, shown| {
            if see(Kind::Deployment, name, shown.seen(Kind::Deployment, names, uid)) {
                observed.deployments.insert(name.to_owned(), shown.state.clone());
            }
        });
        self.stateful_sets.each(names, |name, shown| {
            if see(Kind::StatefulSet, name, shown.seen(Kind::StatefulSet, names, uid))
                || shown.leaves_its_pods(uid)
            {
                observed.stateful_sets.insert(name.to_owned(), shown.state.clone());
            }
        });
        self.jobs.each(names, |name, shown| {
            if see(Kind::Job, name, shown.seen(Kind::Job, names, uid)) {
                observed.jobs.insert(name.to_owned(), shown.state.clone());
            }
        });
        self.cron_jobs.each(names, |name, shown| {
            if see(Kind::CronJob, name, shown.seen(Kind::CronJob, names, uid)) {
                observed.copies = Some(shown.state.clone());
            }
        });
        for (kind, kept) in &self.plain {
            kept.each(names, |name, shown| {
                see(*kind, name, shown.seen(*kind, names, uid));
            });
        }
        let told = &mut observed.told;
        for store in &self.delegated.0 {
            store.kept.each(names, |name, shown| {
                if see(store.kind, name, shown.seen(store.kind, names, uid)) {
                    told.insert(ChildId { kind: store.kind, name: name.to_owned() }, shown.state.clone());
                }
            });
        }
        observed
    }
}

/// What other operators act on, by kind.
#[derive(Default)]
pub struct DelegatedStores(pub Vec<DelegatedStore>);

/// The objects of such a kind, from when a stack first asks for one.
pub struct DelegatedStore {
    /// The kind.
    pub kind: Kind,
    /// The objects.
    pub kept: Kept<Told>,
    /// Says that a stack asks.
    pub asked: Arc<Notify>,
    /// Whether it is known which there are, as of a kind that the cluster doesn't know; or why not.
    pub known: watch::Receiver<Option<Result<(), String>>>,
}

/// How long the first list of a kind is waited for. It is a request like others that a pass makes.
const UNTIL_LISTED: Duration = Duration::from_secs(10);

impl DelegatedStores {
    /// Ends when it is known what there is of some kinds. Of which it isn't, and why.
    async fn unlisted(&self, kinds: &[Kind]) -> BTreeMap<Kind, String> {
        let asked = || self.0.iter().filter(|store| kinds.contains(&store.kind));
        asked().for_each(|store| store.asked.notify_one());
        let (mut unlisted, deadline) = (BTreeMap::new(), Instant::now() + UNTIL_LISTED);
        for store in asked() {
            let mut known = store.known.clone();
            let answer = tokio::time::timeout_at(deadline.into(), known.wait_for(Option::is_some)).await;
            let known = answer.ok().and_then(|known| known.ok()?.clone());
            if let Err(why) = known.unwrap_or_else(|| Err("the API server hasn't answered yet".to_owned())) {
                unlisted.insert(store.kind, why);
            }
        }
        unlisted
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

/// Takes the picture of one stack. What was told of it `before` says whether something was prepared in its dependencies,
/// so that pods that nothing owns are worth a look. A stack of which nothing was told and nothing is there is new, and its
/// Secrets aren't looked for: making one that is there only fails, and is followed by a look.
pub async fn observe(
    client: &Client,
    stores: &Stores,
    cache: &SecretCache,
    patience: &Patience,
    stack: &ValidStack,
    before: Option<&TrackloreStackStatus>,
) -> Result<Observed, kube::Error> {
    let (names, uid) = (&stack.names, stack.uid.as_str());
    let unlisted = stores.delegated.unlisted(&delegated::kinds(stack, before)).await;
    let mut observed = stores.look(names, uid);
    observed.unlisted = unlisted;
    // what a copy brings comes instead of what is there already, so that has to be known
    let is_new = before.is_none() && observed.seen.is_empty() && stack.restore.is_none() && !stack.paused;
    let secrets = Api::<Secret>::namespaced(client.clone(), &names.namespace);
    for name in secret_names(stack) {
        if let Some(known) = cache.get(uid, &name) {
            observed.secrets.insert(name, known);
        } else if !is_new && let Some(secret) = secrets.get_opt(&name).await? {
            let seen = secret_seen(&secret, names, uid);
            cache.put(uid, &name, &seen);
            observed.secrets.insert(name, seen);
        }
    }
    for GivenSecret { name, .. } in given::given(stack) {
        if let Some(secret) = secrets.get_opt(&name).await? {
            observed.given.insert(name, given::seen(&secret));
        }
    }
    for name in given::made_by_others(stack) {
        if let Some(secret) = secrets.get_opt(&name).await? {
            observed.given.insert(name, given::seen(&secret));
        }
    }
    look_at_what_is_named(client, stack, &mut observed).await?;
    let lacks_key = || RESTORED_KEYS.iter().any(|key| !observed.secrets.contains_key(&names.child(key)));
    if stack.restore.is_some() && lacks_key() {
        observed.seal = pods::last_words(&pods::of(client, names).await?, FETCH_KEYS);
    }
    if observed.secrets.values().any(SecretSeen::has_two_logins) {
        observed.in_use = pods::keys_in_use(&pods::with_copies_of(client, names).await?);
    }
    let prepared = before.is_some_and(|status| !status.completed_jobs.is_empty());
    let anew = if prepared { without_stateful_set(stack, &observed) } else { Vec::new() };
    let is_over = patience.is_over(uid, &observed, is_new);
    let waits = observed.waits_for_pods();
    if waits {
        observed.troubles = patience.troubles(uid);
    }
    if (waits && is_over) || !anew.is_empty() {
        let pods = pods::of(client, names).await?;
        observed.pods_seen = true;
        observed.troubles = troubles::of(&pods);
        for component in anew {
            let left = pods::left_alone(&pods, component);
            observed.stateful_sets.extend(left.map(|workload| (names.of(component), workload)));
        }
    }
    patience.keep(uid, &observed.troubles);
    Ok(observed)
}

/// Looks at what other people have other operators run, where the stack names it.
async fn look_at_what_is_named(
    client: &Client,
    stack: &ValidStack,
    observed: &mut Observed,
) -> Result<(), kube::Error> {
    let namespace = &stack.names.namespace;
    let postgres = stack.postgres.external().and_then(|external| external.cloud_native_pg());
    if let Some(asked) = postgres.filter(|asked| asked.own.is_none()) {
        let clusters = Api::<GivenCluster>::namespaced(client.clone(), namespace);
        let told = named(clusters.get_opt(&asked.cluster).await, |cluster| Cluster::told(&cluster))?;
        let id = ChildId { kind: Kind::Cluster, name: asked.cluster.clone() };
        observed.told.extend(told.map(|told| (id, told)));
    }
    if let Some(external) = stack.kafka.external()
        && let Some(name) = &external.strimzi
    {
        let kafkas = Api::<Kafka>::namespaced(client.clone(), namespace);
        let port = external.servers.first().and_then(|server| server.rsplit_once(':'));
        let port = port.map_or("", |(_, port)| port);
        let of_use = |kafka| delegated::kafka_told(&kafka, &stack.names.stack, port);
        let told = named(kafkas.get_opt(name).await, of_use)?;
        let id = ChildId { kind: Kind::GivenKafka, name: name.clone() };
        observed.told.extend(told.map(|told| (id, told)));
    }
    Ok(())
}

/// What is said of an object that other people have made. One that can't be looked at holds up what needs it only.
fn named<K>(
    found: Result<Option<K>, kube::Error>,
    told: impl FnOnce(K) -> Told,
) -> Result<Option<Told>, kube::Error> {
    match found {
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(Some(Told {
            done: false,
            said: format!("the operator may not look at it: {}", status.message),
        })),
        found => Ok(found?.map(told)),
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
    let (logins, certificate) = (logins::seen(secret), certificates::seen(secret));
    SecretSeen { owner, digest: digest(&secret.data), owners, keys, logins, certificate }
}
