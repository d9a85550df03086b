//! The watches: one per kind and scope, each with its own backoff. Of what they show only that is kept that is looked at.
//!
//! Children are kept in memory, so that a pass reads them without a request, and wake the stack that owns them.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{
    Stream, StreamExt,
    future::{self, BoxFuture},
};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource,
    runtime::{
        PredicateConfig, WatchStreamExt, predicates,
        reflector::{self, ObjectRef, Store},
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::metrics;
use crate::stack::{
    GuardedStack,
    component::{MANAGED_BY, MANAGER, Names},
    delegated::{Delegated, Told},
    glimpse::Mention,
    kept::{Keeper, Kept},
    kinds::{ForEachDelegatedKind, ForEachPlainKind, Kind, Object},
    observe::{DelegatedStore, DelegatedStores, Stores},
    states,
};

/// How many wake-ups may wait. Stacks are deduplicated behind it; when it is full, watches wait a moment.
const WAITING: usize = 1024;

/// How many objects are listed at a time, by each watch. More would be in memory at once when an operator starts.
const PAGE: u32 = 50;

/// A watch that only fails for this long is stuck.
const PATIENCE: Duration = Duration::from_mins(10);

/// How the watches get on.
#[derive(Default)]
pub struct Progress(Mutex<BTreeMap<String, WatchState>>);

#[derive(Default)]
struct WatchState {
    listed: bool,
    ended: bool,
    failing: Option<(Instant, Instant)>,
}

impl Progress {
    fn update(&self, watch: &str, change: impl FnOnce(&mut WatchState)) {
        change(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(watch.to_owned()).or_default());
    }

    fn event<K>(&self, watch: &str, event: &Result<Event<K>, watcher::Error>) {
        let now = Instant::now();
        match event {
            Ok(event) => self.update(watch, |state| {
                state.failing = None;
                state.listed |= matches!(event, Event::InitDone);
            }),
            Err(error) => {
                metrics::watch_failed(watch);
                tracing::warn!(watch, %error, "a watch failed; it is started again");
                self.update(watch, |state| {
                    state.failing = Some((state.failing.map_or(now, |(since, _)| since), now));
                });
            }
        }
    }

    fn select(&self, wanted: impl Fn(&WatchState) -> bool) -> Vec<String> {
        let watches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watches.iter().filter(|(_, state)| wanted(state)).map(|(watch, _)| watch.clone()).collect()
    }

    /// Watches that have ended, or that have failed for long and still do. One that recovered into silence counts as well.
    pub fn stuck(&self) -> Vec<String> {
        self.select(|state| {
            state.ended
                || state.failing.is_some_and(|(since, last)| {
                    last.duration_since(since) > PATIENCE && last.elapsed() < Duration::from_mins(2)
                })
        })
    }

    /// Watches that haven't delivered their first list.
    pub fn unready(&self) -> Vec<String> {
        self.select(|state| !state.listed)
    }
}

/// What is watched: a namespace, or all of them.
///
/// Each scope has its own watches and stores: a list of one namespace would wipe what a shared store knows of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All namespaces.
    Cluster,
    /// One of them.
    Namespace(String),
}

impl Scope {
    /// One scope per namespace, or one for all when there are none.
    pub fn of(namespaces: Vec<String>) -> Vec<Self> {
        if namespaces.is_empty() {
            vec![Self::Cluster]
        } else {
            namespaces.into_iter().map(Self::Namespace).collect()
        }
    }

    fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        match self {
            Self::Cluster => Api::all(client.clone()),
            Self::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
        }
    }

    fn watch(&self, kind: &str) -> String {
        match self {
            Self::Cluster => kind.to_owned(),
            Self::Namespace(namespace) => format!("{kind} in {namespace}"),
        }
    }
}

/// The watch on stacks: the store, and the stacks whose spec changed. `hear` is told of all that happens, in its order.
pub fn stacks<F>(
    client: &Client,
    scope: &Scope,
    progress: Arc<Progress>,
    hear: F,
) -> (Store<GuardedStack>, impl Stream<Item = Result<GuardedStack, watcher::Error>> + Send + use<F>)
where
    F: Fn(&Event<GuardedStack>) + Send + 'static,
{
    let watch = scope.watch("TrackloreStack");
    progress.update(&watch, |_| {});
    let (reader, writer) = reflector::store::<GuardedStack>();
    let stream = watcher(scope.api::<GuardedStack>(client), watcher::Config::default().page_size(PAGE))
        .default_backoff()
        .inspect(move |event| {
            progress.event(&watch, event);
            if let Ok(event) = event {
                hear(event);
            }
        })
        // They make up most of it, and nobody looks at them.
        .modify(|stack| stack.meta_mut().managed_fields = None)
        .reflect(writer)
        .applied_objects()
        .predicate_filter(predicates::generation, PredicateConfig::default());
    (reader, stream)
}

/// The watches on children: their stores, what wakes stacks, and the tasks to run.
pub struct Children {
    /// What is there.
    pub stores: Stores,
    /// Each ends once a kind is there as a whole: before, what is missing may only be unknown.
    pub listed: Vec<oneshot::Receiver<()>>,
    /// Stacks for which something has changed about their children.
    pub woken: mpsc::Receiver<ObjectRef<GuardedStack>>,
    /// One per kind; none ends while things go well.
    pub tasks: Vec<BoxFuture<'static, ()>>,
}

/// Makes the watches on children.
pub fn children(client: &Client, scope: &Scope, progress: &Arc<Progress>) -> Children {
    let (wake, woken) = mpsc::channel(WAITING);
    let mut watches = Builder {
        client,
        scope,
        progress,
        wake,
        unlisted: Arc::default(),
        listed: Vec::new(),
        tasks: Vec::new(),
    };
    let stores = Stores {
        deployments: watches.watch(Kind::Deployment, states::deployment),
        stateful_sets: watches.watch(Kind::StatefulSet, states::stateful_set),
        jobs: watches.watch(Kind::Job, states::job),
        cron_jobs: watches.watch(Kind::CronJob, states::copies),
        delegated: {
            let mut stores = Delegates { watches: &mut watches, stores: DelegatedStores::default() };
            Kind::for_each_delegated(&mut stores);
            stores.stores
        },
        plain: {
            let mut stores = PlainStores { watches: &mut watches, stores: Vec::new() };
            Kind::for_each_plain(&mut stores);
            stores.stores
        },
    };
    Children { stores, listed: watches.listed, woken, tasks: watches.tasks }
}

/// Watches each kind of which nothing but its being there matters.
struct PlainStores<'a, 'b> {
    watches: &'a mut Builder<'b>,
    stores: Vec<(Kind, Kept<()>)>,
}

impl ForEachPlainKind for PlainStores<'_, '_> {
    fn plain<K: Object>(&mut self, kind: Kind) {
        let store = self.watches.watch(kind, |_: &Mention<K>| ());
        self.stores.push((kind, store));
    }
}

/// Watches each kind that other operators act on, as soon as it is asked for.
struct Delegates<'a, 'b> {
    watches: &'a mut Builder<'b>,
    stores: DelegatedStores,
}

impl ForEachDelegatedKind for Delegates<'_, '_> {
    fn delegated<K: Delegated>(&mut self, kind: Kind) {
        let store = self.watches.watch_when_asked(kind, K::told);
        self.stores.0.push(store);
    }
}

/// What can be watched.
trait Watched:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static
{
}

impl<K> Watched for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + 'static
{
}

struct Builder<'a> {
    client: &'a Client,
    scope: &'a Scope,
    progress: &'a Arc<Progress>,
    wake: mpsc::Sender<ObjectRef<GuardedStack>>,
    /// How many of the scope's watches haven't delivered their first list.
    unlisted: Arc<AtomicUsize>,
    listed: Vec<oneshot::Receiver<()>>,
    tasks: Vec<BoxFuture<'static, ()>>,
}

impl Builder<'_> {
    /// A watch without which nothing begins.
    fn watch<K, S>(&mut self, kind: Kind, state: fn(&K) -> S) -> Kept<S>
    where
        K: Watched,
        S: PartialEq + Send + Sync + 'static,
    {
        self.progress.update(&self.scope.watch(kind.as_str()), |_| {});
        let (listed, is_listed) = oneshot::channel();
        self.listed.push(is_listed);
        self.unlisted.fetch_add(1, Ordering::Relaxed);
        let (unlisted, mut listed) = (self.unlisted.clone(), Some(listed));
        self.follow(kind, state, future::ready(()), move |there| {
            if let (Ok(()), Some(listed)) = (there, listed.take()) {
                unlisted.fetch_sub(1, Ordering::Relaxed);
                let _ = listed.send(());
            }
        })
    }

    /// A watch that begins when a stack asks for such an object.
    fn watch_when_asked<K: Watched>(&mut self, kind: Kind, told: fn(&K) -> Told) -> DelegatedStore {
        let asked = Arc::new(Notify::new());
        let (tell, known) = watch::channel(None);
        let waiting = asked.clone();
        let begin = async move { waiting.notified().await };
        let kept = self.follow(kind, told, begin, move |there| {
            // What was listed once stays known while the watch is started anew.
            tell.send_if_modified(|known| {
                let is_news = *known != Some(Ok(())) && known.as_ref() != Some(&there);
                if is_news {
                    *known = Some(there);
                }
                is_news
            });
        });
        DelegatedStore { kind, kept, asked, known }
    }

    /// Keeps what a watch shows, from when `begin` ends. `known` is told when it is known as a whole what there is, and of
    /// a kind that others act on also why it can't be. Whether the operator is well doesn't hang on those.
    fn follow<K, S>(
        &mut self,
        kind: Kind,
        state: fn(&K) -> S,
        begin: impl Future<Output = ()> + Send + 'static,
        mut known: impl FnMut(Result<(), String>) + Send + 'static,
    ) -> Kept<S>
    where
        K: Watched,
        S: PartialEq + Send + Sync + 'static,
    {
        let watch = self.scope.watch(kind.as_str());
        let config = watcher::Config::default().labels(&format!("{MANAGED_BY}={MANAGER}")).page_size(PAGE);
        let events = watcher(self.scope.api::<K>(self.client), config).default_backoff();
        let mut keeper = Keeper::default();
        let kept = keeper.kept();
        let (progress, wake, unlisted) = (self.progress.clone(), self.wake.clone(), self.unlisted.clone());
        self.tasks.push(Box::pin(async move {
            begin.await;
            let mut events = pin!(events);
            'watching: while let Some(event) = events.next().await {
                if !kind.is_delegated() {
                    progress.event(&watch, &event);
                }
                let event = match event {
                    Ok(event) => event,
                    Err(error) => {
                        if kind.is_delegated() {
                            known(of_unknown_kind(&watch, &error));
                        }
                        continue;
                    }
                };
                let is_complete = matches!(event, Event::InitDone);
                let woken = keeper.take(event, state);
                if is_complete {
                    known(Ok(()));
                }
                // Until all lists of the scope are there nobody listens; then every stack gets its first pass anyway.
                for Names { stack, namespace } in woken {
                    let stack = ObjectRef::new(&stack).within(&namespace);
                    if unlisted.load(Ordering::Relaxed) == 0 && wake.send(stack).await.is_err() {
                        break 'watching;
                    }
                }
            }
            progress.update(&watch, |state| state.ended = true);
        }));
        kept
    }
}

/// A kind that the cluster doesn't know has no objects; whoever applies one hears of it. Otherwise why it isn't known which
/// there are.
fn of_unknown_kind(watch: &str, error: &watcher::Error) -> Result<(), String> {
    use watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status))
            if status.code == 404 =>
        {
            Ok(())
        }
        error => {
            metrics::watch_failed(watch);
            tracing::warn!(watch, %error, "a watch on what others act on failed; it is started again");
            Err(error.to_string())
        }
    }
}
