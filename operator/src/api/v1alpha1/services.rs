//! Settings of the services.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Resources, Scheduling, Untyped};

/// Settings of each service.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Services {
    /// Accounts, sessions and tokens.
    #[serde(default)]
    pub auth: ServiceSettings,
    /// Profiles, badges, goals and follows.
    #[serde(default)]
    pub user: ServiceSettings,
    /// Posts.
    #[serde(default)]
    pub posts: ServiceSettings,
    /// Feeds, read from Redis.
    #[serde(default)]
    pub feed: ServiceSettings,
}

/// Settings of one service.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSettings {
    /// Number of pods, where `autoscaling` doesn't decide it.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 100))]
    pub replicas: i32,

    /// Let the cluster decide the number of pods, by their load. It needs a metrics server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,

    /// Image to run instead of the version's, with its tag or digest. Migrations run from the same image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 300),
        regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9._:/-]*(@sha256:[0-9a-f]{64})?$")
    )]
    #[x_kube(validation = Rule::new("self.contains('@') || self.matches(':[^/]+$')")
        .message("an image needs a tag or a digest: without one, nodes may run different ones"))]
    pub image: Option<String>,

    /// CPU and memory of each pod. What is left out keeps the operator's value.
    #[serde(default)]
    pub resources: Resources,

    /// Further environment variables, such as `TRACKLORE_LOG`. Those that the operator sets itself can't be changed here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVar>,

    /// Where the pods run.
    #[serde(default)]
    pub scheduling: Scheduling,

    /// Additions to the pods, in the form of a pod template: `metadata` with labels and annotations, `spec` with volumes,
    /// initContainers and containers (beside the service's own; of that, env, envFrom and volumeMounts), dnsConfig, dnsPolicy,
    /// hostAliases, terminationGracePeriodSeconds, runtimeClassName and schedulerName. What restricts the pod stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_overrides: Option<Untyped>,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            replicas: one(),
            autoscaling: None,
            image: None,
            resources: Resources::default(),
            env: Vec::new(),
            scheduling: Scheduling::default(),
            pod_overrides: None,
        }
    }
}

/// Between which numbers of pods the cluster decides, and by what.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas")
    .message("minReplicas is above maxReplicas; lower it, or raise maxReplicas"))]
pub struct Autoscaling {
    /// Fewest pods.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    pub min_replicas: i32,
    /// Most pods.
    #[schemars(range(min = 1, max = 100))]
    pub max_replicas: i32,
    /// Processor time that pods should use on average, in percent of `resources.requests.cpu`.
    #[serde(default = "eighty")]
    #[schemars(range(min = 1, max = 1000))]
    pub target_cpu_percent: i32,
}

/// An environment variable.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Name of the variable.
    #[schemars(length(max = 128), regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub name: String,
    /// Its value. It isn't secret: whoever may read the stack may read it.
    #[schemars(length(max = 4096))]
    pub value: String,
}

fn one() -> i32 {
    1
}

fn eighty() -> i32 {
    80
}
