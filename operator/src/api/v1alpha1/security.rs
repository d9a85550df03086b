//! What keeps a stack apart from its neighbours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What keeps a stack apart from its neighbours.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Security {
    /// Whether NetworkPolicies let each pod speak only with those it has to. They take effect where the cluster's network
    /// enforces them. `Disabled` makes none: for clusters where somebody else makes them.
    #[serde(default)]
    pub network_policy: NetworkPolicyMode,
}

/// Whether NetworkPolicies are made.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkPolicyMode {
    /// All that isn't needed is forbidden.
    #[default]
    Enforced,
    /// The operator makes none.
    Disabled,
}
