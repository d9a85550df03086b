//! The kinds of children. A kind is one line here (and a rule in the chart that lets the operator use it): what observes,
//! applies, removes and compares children goes by this list.

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, StatefulSet},
        autoscaling::v2::HorizontalPodAutoscaler,
        batch::v1::{CronJob, Job},
        core::v1::{ConfigMap, PersistentVolumeClaim, Service},
        networking::v1::{Ingress, NetworkPolicy},
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{Resource, api::ApiResource};
use serde::{Serialize, de::DeserializeOwned};

use super::{component::Component, delegated::Delegated, plan::fingerprint};
use crate::api::{
    cloud_native_pg::{Cluster, Database, DatabaseRole, ScheduledBackup},
    http_route::HTTPRoute,
    strimzi::{Kafka, KafkaTopic, KafkaUser},
};

/// What can be a kind of children.
pub trait Object:
    Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
    + Clone
    + std::fmt::Debug
    + DeserializeOwned
    + Serialize
    + Send
    + Sync
    + 'static
{
}

impl<K> Object for K where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Serialize
        + Send
        + Sync
        + 'static
{
}

/// Does something for each kind of which nothing but its being there matters.
pub trait ForEachPlainKind {
    /// Does it for one.
    fn plain<K: Object>(&mut self, kind: Kind);
}

/// Does something for each kind whose objects other operators act on.
pub trait ForEachDelegatedKind {
    /// Does it for one.
    fn delegated<K: Delegated>(&mut self, kind: Kind);
}

macro_rules! kinds {
    (
        states { $($(#[$state_doc:meta])* $state:ident,)* }
        plain { $($(#[$plain_doc:meta])* $plain:ident,)* }
        delegated { $($(#[$delegated_doc:meta])* $delegated:ident,)* }
        unwatched { $($(#[$other_doc:meta])* $other:ident: $object:ident,)* }
    ) => {
        /// The kinds of children.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$state_doc])* $state,)*
            $($(#[$plain_doc])* $plain,)*
            $($(#[$delegated_doc])* $delegated,)*
            $($(#[$other_doc])* $other,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$state,)* $(Self::$plain,)* $(Self::$delegated,)* $(Self::$other,)*];

            /// The name in Kubernetes.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$state => stringify!($state),)*
                    $(Self::$plain => stringify!($plain),)*
                    $(Self::$delegated => stringify!($delegated),)*
                    $(Self::$other => stringify!($object),)*
                }
            }

            /// Where the API server keeps objects of this kind.
            pub fn resource(self) -> ApiResource {
                match self {
                    $(Self::$state => ApiResource::erase::<$state>(&()),)*
                    $(Self::$plain => ApiResource::erase::<$plain>(&()),)*
                    $(Self::$delegated => ApiResource::erase::<$delegated>(&()),)*
                    $(Self::$other => ApiResource::erase::<$object>(&()),)*
                }
            }

            /// Visits the kinds of which nothing but their being there matters.
            pub fn for_each_plain(visitor: &mut impl ForEachPlainKind) {
                $(visitor.plain::<$plain>(Self::$plain);)*
            }

            /// Visits the kinds whose objects other operators act on.
            pub fn for_each_delegated(visitor: &mut impl ForEachDelegatedKind) {
                $(visitor.delegated::<$delegated>(Self::$delegated);)*
            }

            /// Whether other operators act on its objects. The cluster need not know such a kind.
            pub fn is_delegated(self) -> bool {
                matches!(self, $(Self::$delegated)|*)
            }
        }

        /// A child, complete.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Child {
            $($(#[$state_doc])* $state(Box<$state>),)*
            $($(#[$plain_doc])* $plain(Box<$plain>),)*
            $($(#[$delegated_doc])* $delegated(Box<$delegated>),)*
            $($(#[$other_doc])* $other(Box<$object>),)*
        }

        $(impl From<$state> for Child { fn from(object: $state) -> Self { Self::$state(Box::new(object)) } })*
        $(impl From<$plain> for Child { fn from(object: $plain) -> Self { Self::$plain(Box::new(object)) } })*
        $(impl From<$delegated> for Child { fn from(object: $delegated) -> Self { Self::$delegated(Box::new(object)) } })*
        $(impl From<$object> for Child { fn from(object: $object) -> Self { Self::$other(Box::new(object)) } })*

        impl Child {
            /// Kind and name.
            pub fn id(&self) -> ChildId {
                let (kind, meta) = match self {
                    $(Self::$state(object) => (Kind::$state, &object.metadata),)*
                    $(Self::$plain(object) => (Kind::$plain, &object.metadata),)*
                    $(Self::$delegated(object) => (Kind::$delegated, &object.metadata),)*
                    $(Self::$other(object) => (Kind::$other, &object.metadata),)*
                };
                ChildId { kind, name: meta.name.clone().unwrap_or_default() }
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                match self {
                    $(Self::$state(object) => &mut object.metadata,)*
                    $(Self::$plain(object) => &mut object.metadata,)*
                    $(Self::$delegated(object) => &mut object.metadata,)*
                    $(Self::$other(object) => &mut object.metadata,)*
                }
            }
        }
    };
}

kinds! {
    // Watched with their state: what comes next depends on it.
    states {
        /// Postgres, Kafka, Redis.
        StatefulSet,
        /// Services and gateway.
        Deployment,
        /// Provisioning and migrations.
        Job,
        /// Backups.
        CronJob,
    }
    // Watched without their content.
    plain {
        /// Scripts, settings, routes.
        ConfigMap,
        /// Addresses.
        Service,
        /// Who may speak with whom.
        NetworkPolicy,
        /// How many pods may be away at a time.
        PodDisruptionBudget,
        /// The way in by a controller that the cluster has.
        Ingress,
        /// How many pods there should be.
        HorizontalPodAutoscaler,
    }
    // Of other operators' APIs, which the cluster need not know: watched, with what is told of them, as soon as a stack asks for one.
    delegated {
        /// The way in by Gateways that the cluster has.
        HTTPRoute,
        /// Postgres, run by CloudNativePG.
        Cluster,
        /// Who logs in there, and who owns what.
        DatabaseRole,
        /// A service's database there.
        Database,
        /// When it makes a copy.
        ScheduledBackup,
        /// Topics in a Kafka that Strimzi runs.
        KafkaTopic,
        /// Who uses them there.
        KafkaUser,
    }
    unwatched {
        /// The size of a volume. Claims are made by their StatefulSet, and belong to it.
        Claim: PersistentVolumeClaim,
        /// A Kafka that Strimzi runs. Nobody but Strimzi's users makes one.
        GivenKafka: Kafka,
    }
}

impl Kind {
    /// Whether an object of it holds data: kept when its stack goes, it belongs to the next one of the same name.
    pub fn is_data(self) -> bool {
        matches!(self, Self::Cluster | Self::KafkaTopic)
    }

    /// Whether an object of it is a server that another operator runs, and nothing in one.
    pub fn is_server(self) -> bool {
        matches!(self, Self::Cluster | Self::GivenKafka)
    }

    /// What it belongs to, where other operators act on its objects.
    pub fn component(self) -> Option<Component> {
        match self {
            Self::HTTPRoute => Some(Component::Gateway),
            Self::Cluster | Self::DatabaseRole | Self::Database | Self::ScheduledBackup => {
                Some(Component::Postgres)
            }
            Self::KafkaTopic | Self::KafkaUser | Self::GivenKafka => Some(Component::Kafka),
            _ => None,
        }
    }
}

/// A version that no object has: the API server counts from 2, and refuses to apply another version than the one there is.
const NO_VERSION: &str = "1";

impl Child {
    /// The same, as the API server takes it only where nothing has its name.
    #[must_use]
    pub fn unless_there(&self) -> Self {
        let mut child = self.clone();
        child.meta_mut().resource_version = Some(NO_VERSION.to_owned());
        child
    }

    /// Tells whether it says something else than before, within one process.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(self)
    }
}

/// A child, by kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildId {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}
