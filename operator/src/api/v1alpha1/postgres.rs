//! Postgres, as a stack asks for it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Resources, Storage};

/// Where the databases live. Exactly one member is set.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.managed)")
    .message("postgres needs exactly one member; set postgres.managed, {} is enough"))]
#[x_kube(validation = Rule::new("has(self.managed) == has(oldSelf.managed)")
    .message("the kind of Postgres can't change: data doesn't move by itself; make a new stack and move the data there"))]
pub struct Postgres {
    /// A Postgres of one instance that the operator runs in the stack's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedPostgres>,
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
}
