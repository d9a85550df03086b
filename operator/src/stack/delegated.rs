//! Objects that other operators act on for a stack, of kinds that a cluster need not know.
//!
//! They are watched as soon as the first stack asks for one, and where the cluster doesn't know their kind, applying one says
//! so. All that a pass looks at of them is whether what is asked for has been done, and what their operator says.

use kube::Resource;
use serde::{Deserialize, de::DeserializeOwned, de::IgnoredAny};

use super::{
    glimpse::Glimpse,
    kinds::{Kind, Object},
    routes, status,
    validate::ValidStack,
};
use crate::api::{
    cloud_native_pg::{AppliedStatus, Cluster, ClusterStatus, Database, DatabaseRole, ScheduledBackup},
    http_route::{HTTPRoute, HttpRouteStatus},
    v1alpha1::{ParentRef, TrackloreStackStatus},
};

/// What another operator says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether its newest spec has been brought about.
    pub done: bool,
    /// How it goes, in a sentence.
    pub said: String,
}

/// A kind of such objects.
pub trait Delegated: Object {
    /// What is looked at of its spec.
    type Spec: DeserializeOwned + Clone + std::fmt::Debug + Send + Sync + 'static;
    /// What is looked at of its status.
    type Status: DeserializeOwned + Clone + std::fmt::Debug + Send + Sync + 'static;

    /// What its operator says.
    fn told(object: &Glimpse<Self, Self::Spec, Self::Status>) -> Told;
}

/// The kinds that matter to a stack. What was told of it `before` says what it had, asked for now or not.
pub fn kinds(stack: &ValidStack, before: Option<&TrackloreStackStatus>) -> Vec<Kind> {
    let mut kinds = Vec::new();
    if stack.routes.is_some() || before.is_some_and(status::tells_of_routes) {
        kinds.push(Kind::HTTPRoute);
    }
    if stack.postgres.external().is_some_and(|external| external.cloud_native_pg().is_some()) {
        kinds.extend([Kind::Cluster, Kind::DatabaseRole, Kind::Database, Kind::ScheduledBackup]);
    }
    kinds
}

/// What to do where a cluster doesn't know a kind.
pub fn unknown(kind: Kind) -> String {
    let (project, instead) = match kind {
        Kind::HTTPRoute => ("the CRDs of the Gateway API", "another gateway"),
        _ => ("CloudNativePG, 1.30 or newer", "another kind of Postgres in a new stack"),
    };
    format!("the cluster doesn't know {}; install {project}, or choose {instead}", kind.as_str())
}

/// The Gateways of an `HTTPRoute`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parents {
    /// All of them.
    pub parent_refs: Vec<ParentRef>,
}

impl Delegated for HTTPRoute {
    type Spec = Parents;
    type Status = HttpRouteStatus;

    fn told(object: &Glimpse<Self, Parents, HttpRouteStatus>) -> Told {
        routes::told(object)
    }
}

impl Delegated for Cluster {
    type Spec = IgnoredAny;
    type Status = ClusterStatus;

    /// A cluster serves once the instance that should takes writes; standbys may come and go.
    fn told(object: &Glimpse<Self, IgnoredAny, ClusterStatus>) -> Told {
        let Some(status) = &object.status else {
            return Told {
                done: false,
                said: "CloudNativePG has said nothing of it yet; is it running?".into(),
            };
        };
        let healthy = status.instances_status.get("healthy").map_or(&[][..], Vec::as_slice);
        let primary =
            status.current_primary.as_ref().filter(|name| status.target_primary.as_ref() == Some(name));
        let phase = status.phase.as_deref().unwrap_or("nothing is known of it");
        Told {
            done: primary.is_some_and(|primary| healthy.contains(primary)),
            said: match status.phase_reason.as_deref().filter(|reason| !reason.is_empty()) {
                Some(reason) => format!("{phase}: {reason}"),
                None => phase.to_owned(),
            },
        }
    }
}

impl Delegated for DatabaseRole {
    type Spec = IgnoredAny;
    type Status = AppliedStatus;

    fn told(object: &Glimpse<Self, IgnoredAny, AppliedStatus>) -> Told {
        applied(object)
    }
}

impl Delegated for Database {
    type Spec = IgnoredAny;
    type Status = AppliedStatus;

    fn told(object: &Glimpse<Self, IgnoredAny, AppliedStatus>) -> Told {
        applied(object)
    }
}

impl Delegated for ScheduledBackup {
    type Spec = IgnoredAny;
    type Status = IgnoredAny;

    /// Nothing waits for a copy.
    fn told(_: &Glimpse<Self>) -> Told {
        Told { done: true, said: "copies are made as it says".into() }
    }
}

fn applied<K: Delegated>(object: &Glimpse<K, IgnoredAny, AppliedStatus>) -> Told {
    let generation = object.meta().generation;
    let status = object.status.as_ref();
    let current = status.filter(|status| status.observed_generation >= generation);
    if current.is_some_and(|status| status.applied == Some(true)) {
        return Told { done: true, said: "it is in Postgres as asked for".into() };
    }
    let message = status.and_then(|status| status.message.clone());
    Told { done: false, said: message.unwrap_or_else(|| "the primary hasn't made it yet".into()) }
}
