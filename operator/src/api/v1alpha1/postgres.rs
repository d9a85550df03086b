//! Postgres, as a stack asks for it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CloudNativePg, Resources, Scheduling, SecretRef, Storage, Tls};

/// Where the databases live. Exactly one member is set.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.managed), has(self.cloudNativePG), has(self.external)].filter(set, set).size() == 1")
    .message("postgres needs exactly one member; set postgres.managed, {} is enough, postgres.cloudNativePG or postgres.external"))]
#[x_kube(validation = Rule::new("has(self.managed) == has(oldSelf.managed) && has(self.external) == has(oldSelf.external)")
    .message("the kind of Postgres can't change: data doesn't move by itself; make a new stack and move the data there"))]
pub struct Postgres {
    /// A Postgres of one instance that the operator runs in the stack's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedPostgres>,
    /// A Postgres that CloudNativePG runs in the stack's namespace.
    #[serde(rename = "cloudNativePG", skip_serializing_if = "Option::is_none")]
    pub cloud_native_pg: Option<CloudNativePg>,
    /// A Postgres that is there already: version 15 or newer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalPostgres>,
}

/// A Postgres that is there already. Its databases and roles are either made by a Job, as `admin`, or given as `databases`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.admin) != has(self.databases)")
    .message("postgres.external needs exactly one of admin (databases and roles are made) and databases (they are there)"))]
#[x_kube(validation = Rule::new("has(self.admin) == has(oldSelf.admin)")
    .message("admin and databases can't take each other's place: the databases would be others; make a new stack"))]
pub struct ExternalPostgres {
    /// Host name or address of the server.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z0-9.:-]+$"))]
    pub host: String,
    /// Its port.
    #[serde(default = "postgres_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// How the connection is protected.
    pub tls: Tls,
    /// A role that may make databases and roles. A Job makes those of the stack with it, and nothing else knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<PostgresAdmin>,
    /// The databases, each empty or one that Tracklore has made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub databases: Option<Databases>,
}

/// A role that may make databases and roles: a superuser, or one with CREATEDB and CREATEROLE (from Postgres 16 on).
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PostgresAdmin {
    /// Secret in the stack's namespace with the keys `username` and `password`.
    pub secret_ref: SecretRef,
    /// The database it connects to first.
    #[serde(default = "postgres_database")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[A-Za-z0-9_.-]+$"))]
    pub database: String,
    /// What names of databases and roles begin with: another one for each stack that shares the server. It can't change.
    #[serde(default = "tracklore")]
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[a-z_][a-z0-9_]*$"))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("namePrefix can't change: databases of another name are other databases; make a new stack"))]
    pub name_prefix: String,
}

/// The databases that services find.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Databases {
    /// Of auth.
    pub auth: Database,
    /// Of user.
    pub user: Database,
    /// Of posts.
    pub posts: Database,
}

/// A database, and who uses it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// Its name. It can't change.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[A-Za-z0-9_.-]+$"))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("the name can't change: a database of another name is another database; make a new stack"))]
    pub name: String,
    /// Secret in the stack's namespace with the keys `username` and `password`, for the service. The role needs SELECT, INSERT,
    /// UPDATE and DELETE on all tables, USAGE on sequences and EXECUTE on functions that migrations make.
    pub secret_ref: SecretRef,
    /// The same for migrations, whose role owns what it makes. One Secret for both will do, and protects less.
    pub migration_secret_ref: SecretRef,
}

/// A Postgres that the operator runs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ManagedPostgres {
    /// The volume of the data directory.
    #[serde(default)]
    pub storage: Storage,
    /// CPU and memory. What is left out keeps the operator's value.
    #[serde(default)]
    pub resources: Resources,
    /// Where its pods run, and those of its Jobs.
    #[serde(default)]
    pub scheduling: Scheduling,
}

fn postgres_port() -> i32 {
    5432
}

fn postgres_database() -> String {
    "postgres".into()
}

fn tracklore() -> String {
    "tracklore_".into()
}
