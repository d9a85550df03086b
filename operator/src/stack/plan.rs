//! What should be: the outcome of `build`, handed to `apply` and `status`.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hasher},
};

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

pub use super::kinds::{Child, ChildId, Kind};
use super::{
    component::{Component, Names, Service as Tracklore},
    given::Missing,
    logins::Replacement,
    rotation::Rule,
};
use crate::api::v1alpha1::CompletedJob;

/// Hash of a value as JSON, in hexadecimal.
pub fn digest<T: Serialize>(value: &T) -> String {
    let mut hasher = Sha256::new();
    // Kubernetes objects are plain data: they always have a JSON form. Without one, the hash of nothing stands for it.
    hasher.update(serde_json::to_vec(value).unwrap_or_default());
    hex(&hasher.finalize())
}

/// Tells a value from others like it, at a small part of what [`digest`] costs. Another build may give another number.
pub fn fingerprint<T: Serialize>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    // As for `digest`, this can't fail. In one piece: a write for each word would cost more than the rest.
    hasher.write(&serde_json::to_vec(value).unwrap_or_default());
    hasher.finish()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The first characters of a hash: enough to tell names apart.
pub fn short(hash: &str) -> String {
    hash.chars().take(8).collect()
}

/// How a generated Secret is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// `username`, `password`.
    Login {
        /// The user.
        username: String,
    },
    /// `username`, `password`, `uri`.
    Address {
        /// The user.
        username: String,
        /// `postgres` or `rediss`.
        scheme: &'static str,
        /// Host, port and what follows them.
        rest: String,
    },
    /// `cluster-id`, `controller-password`.
    KafkaCluster,
    /// `<time>.pem`: an Ed25519 key, which gets successors.
    SigningKeys(Rule),
    /// `session-key`: 32 bytes, base64.
    SessionKey,
    /// A password per service that calls others.
    Clients,
    /// `ca.crt`, `ca.key`: who signs the stack's certificates.
    Authority {
        /// What it is called.
        subject: String,
    },
    /// `ca.crt`: the authority's certificate, without its key.
    Trust,
    /// `tls.crt`, `tls.key`: a server's certificate, signed by the authority.
    Certificate {
        /// Whom it is for: names and addresses of the network.
        hosts: Vec<String>,
        /// One that was made before this moment is renewed, once it has come.
        requested_at: Option<Timestamp>,
    },
}

impl Recipe {
    /// Whether the authority takes part in it.
    pub fn is_signed(&self) -> bool {
        matches!(self, Self::Trust | Self::Certificate { .. })
    }
}

/// A Secret that is made once; what it holds is never overwritten, but for certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedSecret {
    /// Its name.
    pub name: String,
    /// What it belongs to, where that isn't the whole stack.
    pub component: Option<Component>,
    /// How its content is made.
    pub recipe: Recipe,
    /// Whether it is made at all, or comes from a copy.
    pub origin: Origin,
    /// How its login is replaced, if it ever is.
    pub replacement: Option<Replacement>,
}

impl GeneratedSecret {
    /// Its labels.
    pub fn labels(&self, names: &Names) -> BTreeMap<String, String> {
        self.component.map_or_else(|| names.stack_labels(), |component| names.labels(component))
    }
}

/// Where the content of a Secret that isn't there comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is made.
    New,
    /// From the copy that the stack begins with; nothing as long as that hasn't been fetched.
    Copy(Option<Restored>),
    /// It is the second login that another Secret holds, for CloudNativePG, which wants each in a Secret of its own.
    Second {
        /// The other Secret.
        of: String,
    },
}

/// What a copy says of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The sealed Secrets of the copy.
    pub seal: String,
    /// The name under which this one is among them.
    pub name: String,
    /// The Secret with the key that opens the seal.
    pub key_secret: String,
}

/// How far something is that has to happen before something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something before it isn't done.
    Waiting,
    /// It happens now.
    Running,
    /// It went wrong and is tried again.
    Retrying,
    /// It gave up; it starts again when the failed Job is removed or its content changes.
    Failed {
        /// The Job.
        job: String,
    },
    /// Done.
    Done,
}

impl Step {
    /// Whether what comes after may start.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

/// How far a stack is that begins with a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restoring {
    /// Fetching the Secrets.
    pub keys: Step,
    /// Filling the databases.
    pub data: Step,
    /// Telling others, by service.
    pub told: Vec<(Tracklore, Step)>,
}

/// All that should be in place.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Secrets that must exist.
    pub secrets: Vec<GeneratedSecret>,
    /// Whether Secrets go with the stack.
    pub secrets_owned: bool,
    /// Children that can be in place now, in the order in which they are applied.
    pub children: Vec<Child>,
    /// All children that belong to the stack, now or later. What is there beside them goes.
    pub expected: BTreeSet<ChildId>,
    /// StatefulSets that are made anew, larger, around their pods, as soon as their claims have been asked to grow.
    pub outgrown: Vec<ChildId>,
    /// What other operators act on before something can be prepared, in the order in which it is waited for.
    pub delegated: Vec<ChildId>,
    /// Preparation of Postgres.
    pub postgres: Step,
    /// Preparation of Kafka.
    pub kafka: Step,
    /// Migrations, by service.
    pub migrations: Vec<(Tracklore, Step)>,
    /// Taking away what only older versions use, by service.
    pub contracts: Vec<(Tracklore, Step)>,
    /// Bringing a copy back, where the stack begins with one.
    pub restore: Option<Restoring>,
    /// What people still have to give, a sentence each.
    pub missing: Vec<Missing>,
    /// Services whose Deployment waits for something.
    pub held: Vec<Tracklore>,
    /// Services whose new image waits for its turn.
    pub queued: Vec<Tracklore>,
    /// The gateway's Deployment, where one is asked for.
    pub gateway: Option<String>,
    /// Jobs that ended well, for the status.
    pub completed: Vec<CompletedJob>,
}
