//! What is there: the picture that `observe` takes and everything after it decides by.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use super::kinds::{ChildId, Kind};
use super::{
    certificates::Certificate,
    component::{Component, Names, Service},
    delegated::Told,
    given::GivenSeen,
    logins::{Login, Turn},
    rollout::History,
};

/// Whose an object is that bears a child's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This stack's.
    Us,
    /// On its way out: being deleted, or left from a stack of the same name that was deleted.
    Leaving,
    /// Somebody else's.
    Foreign,
}

/// An object that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Whose it is.
    pub owner: Owner,
    /// Its uid, so that a deletion hits this very object.
    pub uid: String,
    /// Grows when somebody changes what matters: the generation where there is one, else the resource version.
    pub mark: u128,
}

/// State of a Deployment or StatefulSet.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub struct Workload {
    /// Pods asked for.
    pub desired: i32,
    /// Pods that are ready.
    pub ready: i32,
    /// Whether its controller has seen the newest spec and all pods run it.
    pub rolled_out: bool,
    /// What its controller says when a rollout doesn't get on.
    pub stuck: Option<String>,
    /// The image that its pods are asked to run (services' Deployments only).
    pub image: Option<String>,
    /// Size of the claims it was made with (StatefulSets only).
    pub storage: Option<String>,
}

impl Workload {
    /// Whether all pods run this image.
    pub fn runs(&self, image: &str) -> bool {
        self.rolled_out && self.image.as_deref() == Some(image)
    }

    /// Whether all pods are ready. One that is scaled to nothing is ready with nothing.
    pub fn is_ready(&self) -> bool {
        self.ready >= self.desired
    }
}

/// State of a Job.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Not finished.
    Running {
        /// Pods that failed so far.
        failures: i32,
    },
    /// Ended well.
    Complete,
    /// Gave up.
    Failed,
}

/// How the copies get on that a `CronJob` makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// When the last one was due.
    pub due: Option<Timestamp>,
    /// When one was last kept.
    pub kept: Option<Timestamp>,
    /// Whether one is being made.
    pub running: bool,
}

impl Copies {
    /// Whether the last one that was due wasn't kept, nor any after it.
    pub fn failed(&self) -> bool {
        !self.running && self.due.is_some() && self.kept < self.due
    }
}

/// A generated Secret, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSeen {
    /// Whose it is. A kept Secret of an earlier stack of the same name is ours.
    pub owner: Owner,
    /// Hash of the content, for rolling pods.
    pub digest: String,
    /// The uids of its owners.
    pub owners: BTreeSet<String>,
    /// When the keys that it holds were made, if it holds any.
    pub keys: Vec<Timestamp>,
    /// The logins that it holds, the newest last.
    pub logins: Vec<Login>,
    /// The certificate that it holds.
    pub certificate: Option<Certificate>,
}

impl SecretSeen {
    /// The login whose turn this is, where it is there.
    pub fn login(&self, turn: Turn) -> Option<&Login> {
        self.logins.iter().find(|login| login.turn == turn)
    }

    /// Whether its login is being replaced.
    pub fn has_two_logins(&self) -> bool {
        self.logins.len() > 1
    }
}

/// The picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// All watched objects that carry the stack's label.
    pub seen: BTreeMap<ChildId, Seen>,
    /// Deployments by name.
    pub deployments: BTreeMap<String, Workload>,
    /// StatefulSets by name.
    pub stateful_sets: BTreeMap<String, Workload>,
    /// Jobs by name.
    pub jobs: BTreeMap<String, JobState>,
    /// The copies that are made of the stack, if any are.
    pub copies: Option<Copies>,
    /// The generated Secrets that exist, by name.
    pub secrets: BTreeMap<String, SecretSeen>,
    /// The Secrets that people gave and that exist, by name.
    pub given: BTreeMap<String, GivenSeen>,
    /// The sealed Secrets of the copy that the stack begins with, once they have been fetched and while they are needed.
    pub seal: Option<String>,
    /// Kinds that other operators act on of which it isn't known which objects there are, and why.
    pub unlisted: BTreeMap<Kind, String>,
    /// What other operators say of what they act on for the stack.
    pub told: BTreeMap<ChildId, Told>,
    /// Keys of Secrets, with the Secret's name, that pods were told of which haven't ended; only looked for while logins
    /// are replaced.
    pub in_use: BTreeSet<(String, String)>,
    /// What has run of the stack.
    pub history: History,
    /// Why pods don't run, by component or purpose of their Job, as they said last; only kept while something isn't ready.
    pub troubles: BTreeMap<String, String>,
    /// Whether pods were looked at for this picture.
    pub pods_seen: bool,
}

impl Observed {
    /// The Deployment of a service.
    pub fn service(&self, names: &Names, service: Service) -> Option<&Workload> {
        self.deployments.get(&names.of(Component::Service(service)))
    }

    /// Hash of all that a Secret holds, generated or given.
    pub fn digest(&self, secret: &str) -> Option<String> {
        let given = || self.given.get(secret).map(|secret| &secret.digest);
        self.secrets.get(secret).map(|secret| &secret.digest).or_else(given).cloned()
    }

    /// Hash of what pods use of a Secret: of logins, the newest.
    pub fn digest_in_use(&self, secret: &str) -> Option<String> {
        let login = self.secrets.get(secret).and_then(|secret| secret.logins.last());
        login.map(|login| login.digest.clone()).or_else(|| self.digest(secret))
    }

    /// When the first of the stack's certificates ends, made for it or given.
    pub fn certificate_ends(&self) -> Option<Timestamp> {
        let made = self.secrets.values().filter_map(|secret| Some(secret.certificate.as_ref()?.ends));
        made.chain(self.given.values().filter_map(|secret| secret.certificate_ends)).min()
    }

    /// Whether pods that should be there aren't ready, or a Job's pods have failed.
    pub fn waits_for_pods(&self) -> bool {
        let mut workloads = self.deployments.values().chain(self.stateful_sets.values());
        workloads.any(|workload| !workload.is_ready() || !workload.rolled_out)
            || self.jobs.values().any(|job| *job != JobState::Complete)
    }
}
