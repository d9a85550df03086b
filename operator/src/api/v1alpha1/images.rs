//! Where images come from.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where images come from.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Images {
    /// Host of a mirror that is used instead of each image's own registry host, for example `registry.example.org` or
    /// `registry.example.org/mirror`. The rest of each image's name stays as it is. Overrides aren't changed by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), regex(pattern = r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$"))]
    pub registry: Option<String>,

    /// Secrets of type `kubernetes.io/dockerconfigjson` in the stack's namespace, for registries that want a login.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub pull_secrets: Vec<PullSecret>,

    /// Images to use for the dependencies instead of those of the version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub overrides: Vec<ImageOverride>,
}

/// A Secret for pulling images.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PullSecret {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Another image for a dependency.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ImageOverride {
    /// The dependency.
    pub name: ReplaceableImage,
    /// The image, with its tag or digest.
    #[schemars(
        length(min = 1, max = 300),
        regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9._:/-]*(@sha256:[0-9a-f]{64})?$")
    )]
    #[x_kube(validation = Rule::new("self.contains('@') || self.matches(':[^/]+$')")
        .message("an image needs a tag or a digest: without one, nodes may run different ones"))]
    pub image: String,
}

/// The dependencies whose image can be replaced.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum ReplaceableImage {
    /// The database.
    Postgres,
    /// The event log.
    Kafka,
    /// The feed store.
    Redis,
    /// The gateway.
    Traefik,
    /// What moves backups.
    Backup,
}
