//! Processor time, memory and volumes.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Amount;

/// CPU and memory of a container.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What the scheduler sets aside.
    #[serde(default)]
    pub requests: ResourceAmounts,
    /// What the container may not exceed. There is no limit of CPU unless one is set.
    #[serde(default)]
    pub limits: ResourceAmounts,
}

/// An amount of each resource.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ResourceAmounts {
    /// Processor time, for example `250m` or `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Amount>,
    /// Memory, for example `256Mi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Amount>,
}

/// A volume that outlives its pod.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0")
    .message("storage can't shrink: volumes only grow; give the old size or a greater one"))]
#[x_kube(validation = Rule::new("has(self.className) == has(oldSelf.className) && (!has(self.className) || self.className == oldSelf.className)")
    .message("className can't change: a volume stays in the class it was made in"))]
pub struct Storage {
    /// Size of the volume. It can grow where its class allows it, and never shrinks.
    #[serde(default = "ten_gibibytes")]
    pub size: Amount,
    /// Storage class; the cluster's default when absent. It can't change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
}

impl Default for Storage {
    fn default() -> Self {
        Self { size: ten_gibibytes(), class_name: None }
    }
}

fn ten_gibibytes() -> Amount {
    Amount::new("10Gi")
}
