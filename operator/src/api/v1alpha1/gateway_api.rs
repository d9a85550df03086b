//! Routes of the Gateway API, as a stack asks for them.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// An `HTTPRoute` to Gateways that the cluster has (`gateway.networking.k8s.io/v1`). The services check tokens themselves, and
/// the routes remove headers about who somebody is.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct GatewayApi {
    /// The Gateways that take the routes. They must allow routes of the stack's namespace.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub parent_refs: Vec<ParentRef>,
    /// How many proxies add the address that they were called from to `X-Forwarded-For` before a request reaches a service:
    /// 1 for the Gateway alone, 2 with a balancer before it that does so too. Throttles go by the client's address.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 10))]
    pub trusted_hops: i32,
}

/// A Gateway.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace; the stack's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// One of its listeners; all that fit when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub section_name: Option<String>,
}

fn one() -> i32 {
    1
}
