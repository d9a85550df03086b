//! A Postgres that CloudNativePG runs, as a stack asks for it.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Resources, Scheduling, Storage};

/// A Postgres that CloudNativePG runs, of version 1.30 or newer. Roles and databases are its objects, too, and connections
/// are encrypted and checked by the certificates that it makes.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.cluster) != has(self.clusterRef)")
    .message("postgres.cloudNativePG needs exactly one of cluster ({} is enough: one is made) and clusterRef (it is there)"))]
#[x_kube(validation = Rule::new("has(self.cluster) == has(oldSelf.cluster)")
    .message("cluster and clusterRef can't take each other's place: data doesn't move by itself; make a new stack"))]
pub struct CloudNativePg {
    /// A `Cluster` that is made for the stack, `<stack>-postgres`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<PostgresCluster>,
    /// A `Cluster` that is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_ref: Option<ClusterRef>,
}

/// A `Cluster` that is there already, in the stack's namespace, of Postgres 15 or newer.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRef {
    /// Its name. It can't change.
    #[schemars(length(min = 1, max = 50))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("the Cluster can't change: data doesn't move by itself; make a new stack"))]
    pub name: String,
    /// What names of databases and roles begin with, for example `community_`: another one for each stack that has ever used
    /// the `Cluster`, since what is there under such names is taken over. It can't change.
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[a-z_][a-z0-9_]*$"))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("namePrefix can't change: databases of another name are other databases; make a new stack"))]
    pub name_prefix: String,
}

/// A `Cluster` that is made for the stack.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.synchronous) || self.synchronous.standbys < self.instances")
    .message("synchronous.standbys must be less than instances: one of them is the primary"))]
pub struct PostgresCluster {
    /// How many instances, the primary among them. When the primary goes, a standby takes its place.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 9))]
    pub instances: i32,
    /// The volume of each instance.
    #[serde(default)]
    pub storage: Storage,
    /// CPU and memory of each instance. What is left out keeps the operator's value.
    #[serde(default)]
    pub resources: Resources,
    /// Where instances run, and the Jobs that prepare and migrate databases.
    #[serde(default)]
    pub scheduling: Scheduling,
    /// Standbys that a commit waits for. When absent it waits for none, and the last commits may be lost with the primary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synchronous: Option<SynchronousReplication>,
    /// Settings of the server by Postgres' names, for example `shared_buffers: 256MB`.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 100))]
    pub parameters: BTreeMap<String, String>,
    /// Another image of Postgres, made for CloudNativePG, with its tag or digest; the version's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 300),
        regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9._:/-]*(@sha256:[0-9a-f]{64})?$")
    )]
    pub image: Option<String>,
    /// How copies are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<PluginBackup>,
}

/// Standbys that a commit waits for.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SynchronousReplication {
    /// How many, whichever are the fastest.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 8))]
    pub standbys: i32,
    /// What happens while there are fewer.
    #[serde(default)]
    pub durability: Durability,
}

/// What happens to commits while there are fewer standbys than they should wait for.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// They wait until there are enough.
    #[default]
    Required,
    /// They wait for those that there are.
    Preferred,
}

/// Copies that a plugin of CloudNativePG keeps, the write-ahead log among them.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PluginBackup {
    /// The plugin, for example `barman-cloud.cloudnative-pg.io`.
    #[schemars(length(min = 1, max = 253))]
    pub plugin: String,
    /// What it is told, for example `barmanObjectName: store`.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 20))]
    pub parameters: BTreeMap<String, String>,
    /// When whole copies are made, as cron writes it and in UTC: `0 3 * * *` is each night at three.
    #[schemars(
        length(min = 1, max = 100),
        regex(pattern = r"^(@(hourly|daily|weekly|monthly)|[^@ ]+( [^ ]+){4})$")
    )]
    pub schedule: String,
}

fn one() -> i32 {
    1
}

fn three() -> i32 {
    3
}
