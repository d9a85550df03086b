//! What keeps a stack apart from its neighbours.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
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

    /// When generated secrets get successors: the logins to Postgres, Kafka and Redis that the operator makes, and the keys that
    /// sign access tokens. No request fails for it.
    #[serde(default)]
    pub rotation: Rotation,
}

/// When secrets get successors.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// How old a login to Postgres, Kafka or Redis may be, in days, for example `90d`. Then another one takes its place: pods start
    /// anew with it, and the old one goes when none uses it any more. Without it, logins are replaced when `requestedAt` asks for it.
    /// The age of keys that sign tokens is `auth.signingKeys.rotateAfter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 5), regex(pattern = r"^[1-9][0-9]{0,3}d$"))]
    pub after: Option<String>,

    /// What was made before this moment, for example `2026-11-21T12:00:00Z`, gets a successor: logins to Postgres, Kafka and
    /// Redis, the keys that sign access tokens, and certificates of the stack's servers. `kubectl tracklore rotate` sets it to the
    /// present. A moment to come is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub requested_at: Option<Time>,
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
