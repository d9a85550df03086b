//! What the operator tells about a stack.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator sees and does.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TrackloreStackStatus {
    /// The generation of the spec that this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// The version whose services were last rolled out completely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,

    /// `Ready`: the stack serves. `Progressing`: something asked for isn't in place yet. `Degraded`: something that should
    /// work doesn't. `Stalled`: nothing more happens until the spec changes. `PostgresReady`, `KafkaReady`, `RedisReady`,
    /// `MigrationsComplete`, `GatewayReady`, `BackupReady`: the parts.
    #[serde(default)]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// The image that each service was last rolled out with completely, and since when.
    #[serde(default)]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub services: Vec<ServedImage>,

    /// Provisioning and migration Jobs that ended well. They are remembered here because finished Jobs are removed.
    #[serde(default)]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub completed_jobs: Vec<CompletedJob>,
}

/// What a service runs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ServedImage {
    /// The service.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Its image.
    #[schemars(length(max = 500))]
    pub image: String,
    /// When all its pods ran it for the first time.
    pub since: Time,
}

/// A Job that ended well.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CompletedJob {
    /// What the Job did, for example `postgres-provision` or `auth-migrate`.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Hash of what it was given. Another hash means that it has to run again.
    #[schemars(length(max = 16))]
    pub hash: String,
}
