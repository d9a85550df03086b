//! How a new version comes.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a new version comes: databases grow first, then pods are replaced, and what only older versions use goes last.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// When databases lose what only older versions use. Until then the spec can be set back to the version before.
    #[serde(default)]
    pub contract: Contract,
}

/// When databases lose what only older versions use.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Contract {
    /// `AfterSoak`: when the new version has served for a while. `BeforeNextUpgrade`: not before the spec asks for a later
    /// version; so one can go back as long as one stays.
    #[serde(default)]
    pub policy: ContractPolicy,

    /// How long the new version serves before, with `AfterSoak`: hours or minutes, for example `24h`.
    #[serde(default = "a_day")]
    #[schemars(length(max = 5))]
    #[x_kube(validation = Rule::new("self.matches('^[1-9][0-9]{0,3}[mh]$')").message(
        "soak must be a number of hours or minutes, at least one, such as 24h or 90m"
    ))]
    pub soak: String,
}

impl Default for Contract {
    fn default() -> Self {
        Self { policy: ContractPolicy::default(), soak: a_day() }
    }
}

/// What is waited for.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContractPolicy {
    /// Time.
    #[default]
    AfterSoak,
    /// A later version.
    BeforeNextUpgrade,
}

fn a_day() -> String {
    "24h".into()
}
