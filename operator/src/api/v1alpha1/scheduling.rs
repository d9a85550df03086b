//! Where pods run, as a stack asks for it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::untyped::Untyped;

/// Where pods run. What is left out keeps the operator's value.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Scheduling {
    /// Labels that a node must have.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 20))]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that don't keep the pods from a node.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub tolerations: Vec<Toleration>,
    /// Nodes and pods to be near to or away from, as in `affinity` of a pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Untyped>,
    /// How pods are spread, as in `topologySpreadConstraints` of a pod; without a `labelSelector`, the component's own pods are
    /// meant. It replaces the operator's: over zones and nodes, as far as there are several. `[]` spreads nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub topology_spread_constraints: Option<Vec<Untyped>>,
    /// Which pods have to go first where there is no room.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
}

/// A taint that doesn't keep a pod away.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// The taint's key; all of them when absent, with `operator: Exists`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 320))]
    pub key: Option<String>,
    /// How `value` is compared.
    #[serde(default)]
    pub operator: TolerationOperator,
    /// The taint's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub value: Option<String>,
    /// The taint's effect; all of them when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,
    /// How long a pod stays on a node that gets the taint (`NoExecute` only); for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// How the value of a taint is compared.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TolerationOperator {
    /// Both are the same.
    #[default]
    Equal,
    /// Any value.
    Exists,
}

/// What a taint does.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaintEffect {
    /// No new pods.
    NoSchedule,
    /// No new pods where others have room.
    PreferNoSchedule,
    /// No pods.
    NoExecute,
}
