//! What the operator writes and reads of an `HTTPRoute`. The type is the Gateway API's, which need not be in the cluster.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::v1alpha1::ParentRef;

/// Which requests go where.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1",
    kind = "HTTPRoute",
    plural = "httproutes",
    namespaced,
    schema = "disabled",
    status = "HttpRouteStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteSpec {
    /// The Gateways.
    pub parent_refs: Vec<ParentRef>,
    /// The names that are called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// Paths and services.
    #[serde(default)]
    pub rules: Vec<Value>,
}

/// What the Gateways' controllers say.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct HttpRouteStatus {
    /// Of each Gateway.
    #[serde(default)]
    pub parents: Vec<Parent>,
}

/// What one controller says of one Gateway.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Parent {
    /// The Gateway.
    pub parent_ref: ParentRef,
    /// `Accepted`, `ResolvedRefs` and others.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}
