//! Redis, as a stack asks for it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Amount, Resources, Scheduling, SecretRef};

/// Where feeds are kept. Exactly one member is set.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.managed) != has(self.external)")
    .message("redis needs exactly one member; set redis.managed, {} is enough, or redis.external"))]
#[x_kube(validation = Rule::new("has(self.managed) == has(oldSelf.managed)")
    .message("the kind of Redis can't change; make a new stack"))]
pub struct Redis {
    /// A Valkey of one instance, with an append-only file, that the operator runs in the stack's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedRedis>,
    /// A Redis or Valkey that is there already: version 7 or newer, no cluster, nothing evicted, and the keys `feed:*` for this
    /// stack alone. The feed looks at it when it starts, and says what isn't right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalRedis>,
}

/// A Redis that is there already.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExternalRedis {
    /// Secret in the stack's namespace whose key `uri` holds the address: `redis://user:password@host:6379/0`, or `rediss://…`
    /// for TLS.
    pub url_secret_ref: SecretRef,
    /// Secret whose key `ca.crt` holds the certificates, in PEM, of who signs the server's; public ones when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretRef>,
}

/// A Redis that the operator runs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ManagedRedis {
    /// The volume of the append-only file.
    #[serde(default)]
    pub storage: RedisStorage,
    /// How much memory the data may take, for example `512Mi`. Writes are refused beyond it; nothing is evicted.
    #[serde(default = "half_a_gibibyte")]
    pub max_memory: Amount,
    /// CPU and memory. The memory limit follows `maxMemory` unless it is set here.
    #[serde(default)]
    pub resources: Resources,
    /// Where its pods run.
    #[serde(default)]
    pub scheduling: Scheduling,
}

impl Default for ManagedRedis {
    fn default() -> Self {
        Self {
            storage: RedisStorage::default(),
            max_memory: half_a_gibibyte(),
            resources: Resources::default(),
            scheduling: Scheduling::default(),
        }
    }
}

/// The volume of Redis.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0")
    .message("storage can't shrink: volumes only grow; give the old size or a greater one"))]
#[x_kube(validation = Rule::new("has(self.className) == has(oldSelf.className) && (!has(self.className) || self.className == oldSelf.className)")
    .message("className can't change: a volume stays in the class it was made in"))]
pub struct RedisStorage {
    /// Size of the volume; at least twice `maxMemory`, since the file is rewritten beside the old one.
    #[serde(default = "two_gibibytes")]
    pub size: Amount,
    /// Storage class; the cluster's default when absent. It can't change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
}

impl Default for RedisStorage {
    fn default() -> Self {
        Self { size: two_gibibytes(), class_name: None }
    }
}

fn half_a_gibibyte() -> Amount {
    Amount::new("512Mi")
}

fn two_gibibytes() -> Amount {
    Amount::new("2Gi")
}
