//! What the operator writes and reads of CloudNativePG's objects. The types are CloudNativePG's (`postgresql.cnpg.io/v1`, of
//! 1.30 or newer, which knows `DatabaseRole`), and need not be in the cluster.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    LocalObjectReference, NodeAffinity, PodAffinity, PodAntiAffinity, ResourceRequirements, Toleration,
    TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use serde::{Deserialize, Serialize};

/// A Postgres of one or more instances.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "postgresql.cnpg.io",
    version = "v1",
    kind = "Cluster",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    /// How many, the primary among them.
    pub instances: i32,
    /// The image of Postgres.
    pub image_name: String,
    /// Secrets for pulling it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// How it begins.
    pub bootstrap: Bootstrap,
    /// Settings of the server.
    pub postgresql: Settings,
    /// The volume of each instance.
    pub storage: StorageConfiguration,
    /// CPU and memory of each instance.
    pub resources: ResourceRequirements,
    /// Where instances run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub affinity: Placing,
    /// How they are spread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// How many seconds an instance that stops waits for clients to leave before it ends their sessions.
    pub smart_shutdown_timeout: i32,
    /// Which pods have to go first where there is no room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// What else works on it, such as what keeps copies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<Plugin>,
}

/// How a cluster begins.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Bootstrap {
    /// Empty.
    pub initdb: InitDb,
}

/// An empty Postgres.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct InitDb {
    /// The encoding of databases.
    pub encoding: String,
    /// Who orders texts.
    pub locale_provider: String,
    /// How.
    pub builtin_locale: String,
    /// The same, for what asks the system.
    pub locale_collate: String,
    /// What a letter is, likewise.
    #[serde(rename = "localeCType")]
    pub locale_ctype: String,
}

/// Settings of the server.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// By Postgres' names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Which standbys a commit waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synchronous: Option<Synchronous>,
}

/// Which standbys a commit waits for.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Synchronous {
    /// `any` or `first`.
    pub method: String,
    /// How many.
    pub number: i32,
    /// `required` or `preferred`: what happens while there are fewer.
    pub data_durability: String,
}

/// A volume.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct StorageConfiguration {
    /// Its size.
    pub size: String,
    /// Its class; the cluster's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}

/// Where instances run.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Placing {
    /// Labels that a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that don't keep instances away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Nodes to be near to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_affinity: Option<NodeAffinity>,
    /// Pods to be near to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_pod_affinity: Option<PodAffinity>,
    /// Pods to be away from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_pod_anti_affinity: Option<PodAntiAffinity>,
}

/// Something that works on a cluster by CloudNativePG's interface for it.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// Whether it keeps the write-ahead log.
    #[serde(rename = "isWALArchiver")]
    pub is_wal_archiver: bool,
    /// What it is told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

/// A role.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "postgresql.cnpg.io",
    version = "v1",
    kind = "DatabaseRole",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseRoleSpec {
    /// The cluster.
    pub cluster: LocalObjectReference,
    /// Its name in Postgres.
    pub name: String,
    /// Whether somebody can log in as it. CloudNativePG writes objects back without what is `false`, so it is left out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub login: bool,
    /// Roles that it is a member of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_roles: Vec<String>,
    /// The Secret with its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<LocalObjectReference>,
    /// `retain` or `delete`: what becomes of it when this object goes.
    pub database_role_reclaim_policy: String,
}

/// A database.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "postgresql.cnpg.io",
    version = "v1",
    kind = "Database",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseSpec {
    /// The cluster.
    pub cluster: LocalObjectReference,
    /// Its name in Postgres.
    pub name: String,
    /// Whose it is.
    pub owner: String,
    /// What it is made from.
    pub template: String,
    /// Its encoding.
    pub encoding: String,
    /// `retain` or `delete`: what becomes of it when this object goes.
    pub database_reclaim_policy: String,
}

/// When copies are made.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "postgresql.cnpg.io",
    version = "v1",
    kind = "ScheduledBackup",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledBackupSpec {
    /// The cluster.
    pub cluster: LocalObjectReference,
    /// When: six fields, the first one seconds.
    pub schedule: String,
    /// How.
    pub method: String,
    /// By which plugin.
    pub plugin_configuration: PluginConfiguration,
    /// Who owns the copies' objects.
    pub backup_owner_reference: String,
}

/// A plugin that makes copies.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct PluginConfiguration {
    /// Its name.
    pub name: String,
}

/// How a cluster gets on.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterStatus {
    /// The instance that takes writes.
    pub current_primary: Option<String>,
    /// The one that should.
    pub target_primary: Option<String>,
    /// Which instances there are, by how they are.
    pub instances_status: BTreeMap<String, Vec<String>>,
    /// What goes on.
    pub phase: Option<String>,
    /// Why.
    pub phase_reason: Option<String>,
}

/// What became of a role or a database.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct AppliedStatus {
    /// Whether it is in Postgres as it is asked for.
    pub applied: Option<bool>,
    /// What is wrong.
    pub message: Option<String>,
    /// The generation that this is told of.
    pub observed_generation: Option<i64>,
    /// The version of the Secret whose password the role has.
    pub secret_resource_version: Option<String>,
    /// Among them, which version the Secret has.
    pub conditions: Vec<Condition>,
}

impl AppliedStatus {
    /// Whether the role has the password that its Secret holds now, as far as CloudNativePG has seen it.
    pub fn has_password(&self) -> bool {
        let seen = self.conditions.iter().find(|condition| condition.type_ == "PasswordSecretChange");
        seen.is_none_or(|seen| self.secret_resource_version.as_ref() == Some(&seen.message))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
