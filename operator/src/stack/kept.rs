//! What is kept in memory of children: of each object that a watch shows, only what passes look at, found by its namespace.
//! Whole objects would be ten times as large, and most of what changes in them changes nothing for their stack.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::{Arc, PoisonError, RwLock},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt, runtime::watcher::Event};

use super::{
    component::{INSTANCE, MANAGED_BY, MANAGER, Names},
    observed::{Kind, Owner, Seen},
};

/// The objects of a kind, with what their kind has to tell. Clones share them.
#[derive(Debug)]
pub struct Kept<S>(Arc<RwLock<Objects<S>>>);

/// By namespace and name.
type Objects<S> = HashMap<String, BTreeMap<String, Shown<S>>>;

/// An object as its watch has last shown it.
#[derive(Debug, PartialEq)]
pub struct Shown<S> {
    /// What its kind tells beyond its being there.
    pub state: S,
    stack: String,
    owners: Owners,
    /// Whether it is of our making and nothing owns it any more.
    left: bool,
    /// Whether its deletion leaves what it owns.
    orphans: bool,
    uid: String,
    mark: u128,
}

impl<S> Shown<S> {
    /// From the object.
    pub fn of<K: Resource>(object: &K, state: S) -> Self {
        let meta = object.meta();
        Self {
            state,
            stack: object.labels().get(INSTANCE).cloned().unwrap_or_default(),
            owners: Owners::of(meta),
            left: meta.owner_references.as_deref().unwrap_or_default().is_empty()
                && object.labels().get(MANAGED_BY).is_some_and(|manager| manager == MANAGER),
            orphans: object.finalizers().iter().any(|finalizer| finalizer == "orphan"),
            uid: meta.uid.clone().unwrap_or_default(),
            mark: mark(meta),
        }
    }

    /// What a stack sees of it. Data that an earlier stack of the same name has left is its own.
    pub fn seen(&self, kind: Kind, names: &Names, uid: &str) -> Seen {
        let owner = match self.owners.leaving {
            _ if !(kind.is_data() && self.left && self.stack == names.stack) => {
                self.owners.seen_by(names, uid)
            }
            true => Owner::Leaving,
            false => Owner::Us,
        };
        Seen { owner, uid: self.uid.clone(), mark: self.mark }
    }

    /// Whether it is the stack's and being deleted without its pods, as one is that is made anew around them.
    pub fn leaves_its_pods(&self, uid: &str) -> bool {
        self.orphans && self.owners.stacks.iter().any(|(_, owner)| owner == uid)
    }
}

/// Which stacks own an object.
#[derive(Debug, PartialEq)]
struct Owners {
    /// Their names and uids.
    stacks: Vec<(String, String)>,
    leaving: bool,
}

impl Owners {
    fn of(meta: &ObjectMeta) -> Self {
        let owners = meta.owner_references.iter().flatten();
        let stacks = owners.filter(|owner| owner.kind == "TrackloreStack");
        Self {
            stacks: stacks.map(|owner| (owner.name.clone(), owner.uid.clone())).collect(),
            leaving: meta.deletion_timestamp.is_some(),
        }
    }

    fn seen_by(&self, names: &Names, uid: &str) -> Owner {
        let mut stacks = self.stacks.iter().filter(|(name, _)| *name == names.stack).peekable();
        if stacks.peek().is_none() {
            return Owner::Foreign;
        }
        if self.leaving || !stacks.any(|(_, owner)| owner == uid) {
            return Owner::Leaving;
        }
        Owner::Us
    }
}

impl<S> Clone for Kept<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> Kept<S> {
    /// Does something for each object that is labelled as this stack's, by name.
    pub fn each(&self, names: &Names, mut visit: impl FnMut(&str, &Shown<S>)) {
        let objects = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let objects = objects.get(&names.namespace).into_iter().flatten();
        for (name, shown) in objects.filter(|(_, shown)| shown.stack == names.stack) {
            visit(name, shown);
        }
    }
}

/// Keeps what a watch shows.
pub struct Keeper<S> {
    kept: Kept<S>,
    /// A list that isn't complete yet.
    listing: Objects<S>,
}

impl<S> Default for Keeper<S> {
    fn default() -> Self {
        Self { kept: Kept(Arc::default()), listing: Objects::new() }
    }
}

impl<S: PartialEq> Keeper<S> {
    /// Where to read what is kept.
    pub fn kept(&self) -> Kept<S> {
        self.kept.clone()
    }

    /// Takes in what a watch shows. The stacks are told that it changes something for, so that they get a pass.
    pub fn take<K: Resource>(&mut self, event: Event<K>, state: fn(&K) -> S) -> BTreeSet<Names> {
        let mut kept = self.kept.0.write().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Init => {
                self.listing = Objects::new();
                BTreeSet::new()
            }
            Event::InitApply(object) => {
                insert(&mut self.listing, &object, state(&object));
                BTreeSet::new()
            }
            Event::InitDone => {
                let before = mem::replace(&mut *kept, mem::take(&mut self.listing));
                all(&before)
                    .map(|(namespace, name, was)| (namespace, Some(was), get(&kept, namespace, name)))
                    .chain(
                        all(&kept).map(|(namespace, name, is)| {
                            (namespace, get(&before, namespace, name), Some(is))
                        }),
                    )
                    .flat_map(|(namespace, was, is)| touched(namespace, was, is))
                    .collect()
            }
            Event::Apply(object) => {
                let (namespace, name) = place(&object);
                let was = insert(&mut kept, &object, state(&object));
                touched(&namespace, was.as_ref(), get(&kept, &namespace, &name)).collect()
            }
            Event::Delete(object) => {
                let (namespace, name) = place(&object);
                let Some(objects) = kept.get_mut(&namespace) else { return BTreeSet::new() };
                let was = objects.remove(&name);
                if objects.is_empty() {
                    kept.remove(&namespace);
                }
                touched(&namespace, was.as_ref(), None).collect()
            }
        }
    }
}

fn place<K: Resource>(object: &K) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn insert<K: Resource, S>(objects: &mut Objects<S>, object: &K, state: S) -> Option<Shown<S>> {
    let (namespace, name) = place(object);
    objects.entry(namespace).or_default().insert(name, Shown::of(object, state))
}

fn get<'a, S>(objects: &'a Objects<S>, namespace: &str, name: &str) -> Option<&'a Shown<S>> {
    objects.get(namespace)?.get(name)
}

fn all<S>(objects: &Objects<S>) -> impl Iterator<Item = (&str, &str, &Shown<S>)> {
    objects.iter().flat_map(|(namespace, objects)| {
        objects.iter().map(move |(name, shown)| (namespace.as_str(), name.as_str(), shown))
    })
}

/// The stacks that own an object, or did, where something about it has changed.
fn touched<'a, S: PartialEq>(
    namespace: &'a str,
    was: Option<&'a Shown<S>>,
    is: Option<&'a Shown<S>>,
) -> impl Iterator<Item = Names> {
    let shown = if was == is { [None, None] } else { [was, is] };
    let stacks = |shown: &'a Shown<S>| {
        let left = shown.left.then_some(&shown.stack);
        shown.owners.stacks.iter().map(|(stack, _)| stack).chain(left)
    };
    shown
        .into_iter()
        .flatten()
        .flat_map(stacks)
        .map(move |stack| Names { stack: stack.clone(), namespace: namespace.to_owned() })
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

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::{Value, json};

    use super::*;

    fn names() -> Names {
        Names { stack: "demo".into(), namespace: "space".into() }
    }

    fn settings(name: &str, version: &str) -> ConfigMap {
        let owner = json!({"apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack", "name": "demo", "uid": "u"});
        serde_json::from_value(json!({"metadata": {
            "namespace": "space", "name": name, "resourceVersion": version, "labels": {INSTANCE: "demo"}, "ownerReferences": [owner],
        }}))
        .unwrap()
    }

    fn shown(kept: &Kept<()>) -> Vec<(String, u128)> {
        let mut all = Vec::new();
        kept.each(&names(), |name, shown| {
            all.push((name.to_owned(), shown.seen(Kind::ConfigMap, &names(), "u").mark));
        });
        all
    }

    fn list(keeper: &mut Keeper<()>, objects: &[ConfigMap]) -> BTreeSet<Names> {
        keeper.take::<ConfigMap>(Event::Init, |_| ());
        for object in objects {
            assert!(
                keeper.take(Event::InitApply(object.clone()), |_| ()).is_empty(),
                "the list isn't complete"
            );
        }
        keeper.take::<ConfigMap>(Event::InitDone, |_| ())
    }

    #[test]
    fn a_change_of_a_status_alone_is_no_change_of_what_is_asked_for() {
        let meta = |managers: Value| -> ObjectMeta {
            serde_json::from_value(json!({"resourceVersion": "77", "managedFields": managers})).unwrap()
        };
        let manager = |time: &str, subresource: &str| json!({"manager": "m", "operation": "Apply", "time": time, "subresource": subresource});
        let asked = manager("2026-01-01T00:00:09Z", "");
        assert_eq!(mark(&meta(json!([asked]))), 77);
        let told = |time: &str| mark(&meta(json!([asked, manager(time, "status")])));
        assert_eq!(told("2026-01-01T00:00:10Z"), told("2026-01-01T00:00:20Z"));
    }

    #[test]
    fn a_stack_gets_a_pass_when_something_about_a_child_has_changed_and_only_then() {
        let mut keeper = Keeper::default();
        let mut wakes = |event| !keeper.take(event, |_| ()).is_empty();
        assert!(wakes(Event::Apply(settings("a", "1"))), "new");
        assert!(!wakes(Event::Apply(settings("a", "1"))), "the same");
        assert!(wakes(Event::Apply(settings("a", "2"))), "changed");
        assert!(wakes(Event::Delete(settings("a", "3"))), "gone");
        assert!(!wakes(Event::Delete(settings("a", "3"))), "was gone before");
    }

    #[test]
    fn a_list_replaces_what_was_kept_and_tells_of_what_was_lost_meanwhile() {
        let (mut keeper, woken) = (Keeper::default(), BTreeSet::from([names()]));
        assert_eq!(list(&mut keeper, &[settings("a", "1"), settings("b", "1")]), woken);
        assert_eq!(list(&mut keeper, &[settings("a", "1"), settings("b", "1")]), BTreeSet::new());
        assert_eq!(list(&mut keeper, &[settings("a", "1")]), woken);
        assert_eq!(shown(&keeper.kept()), [("a".to_owned(), 1)]);
    }

    #[test]
    fn an_object_that_is_given_the_label_of_another_stack_is_no_longer_seen_and_its_owner_hears_of_it() {
        let (mut keeper, mut taken) = (Keeper::default(), settings("a", "2"));
        keeper.take(Event::Apply(settings("a", "1")), |_| ());
        taken.labels_mut().insert(INSTANCE.into(), "other".into());
        assert_eq!(keeper.take(Event::Apply(taken), |_| ()), BTreeSet::from([names()]));
        assert_eq!(shown(&keeper.kept()), []);
    }
}
