//! The gateway, as a stack asks for it.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GatewayApi, Resources, Scheduling, SecretRef};

/// How requests reach the services. At most one member is set; with none, the stack can only be reached inside the cluster.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.traefik), has(self.ingress), has(self.gatewayAPI)].filter(given, given).size() <= 1")
    .message("gateway has more than one of traefik, ingress and gatewayAPI; keep one of them"))]
pub struct Gateway {
    /// A Traefik that the operator runs in the stack's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traefik: Option<Traefik>,
    /// An Ingress, for a controller that the cluster has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,
    /// Routes for Gateways that the cluster has, by the Gateway API.
    #[serde(rename = "gatewayAPI", skip_serializing_if = "Option::is_none")]
    pub gateway_api: Option<GatewayApi>,
    /// The names that clients call: `community.example.org`, or `*.example.org`, which stands for one more part (with `gatewayAPI`
    /// for any number). By another name nothing is found. When empty: any name at `traefik`, the host of `publicUrl` with
    /// `ingress` and `gatewayAPI`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        inner(
            length(max = 253),
            regex(
                pattern = r"^(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?$"
            )
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub hostnames: Vec<String>,
}

/// An Ingress. The services check tokens themselves and believe no header about who somebody is.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Ingress {
    /// The `IngressClass`; the cluster's default one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
    /// Annotations of the Ingress: for its controller, or for cert-manager (`cert-manager.io/cluster-issuer`).
    #[serde(default)]
    #[schemars(extend("maxProperties" = 50))]
    pub annotations: BTreeMap<String, String>,
    /// Name of the Secret with the certificate, which need not be there yet; without it the Ingress speaks plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub tls_secret_name: Option<String>,
    /// How many proxies add the address that they were called from to `X-Forwarded-For` before a request reaches a service:
    /// 1 for the controller alone, 2 with a balancer before it that does so too. Throttles go by the client's address.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 10))]
    pub trusted_hops: i32,
}

/// A Traefik that the operator runs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.trustedHops == 1 || has(self.trustedProxies) && size(self.trustedProxies) > 0")
    .message("trustedHops counts proxies that are believed; name the nearest in gateway.traefik.trustedProxies"))]
pub struct Traefik {
    /// Number of pods.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 20))]
    pub replicas: i32,
    /// CPU and memory of each pod. What is left out keeps the operator's value.
    #[serde(default)]
    pub resources: Resources,
    /// The Service in front of it, `<stack>-gateway`, port 80, and 443 with `tls`.
    #[serde(default)]
    pub service: GatewayService,
    /// Addresses of a proxy of yours in front of the gateway, such as one that ends TLS: `192.0.2.7` or `10.0.0.0/8`. From
    /// these, and no others, the client's address is taken out of `X-Forwarded-For`. Throttles go by that address: where a
    /// proxy isn't named here, all its clients share one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 20),
        inner(length(max = 43), regex(pattern = r"^[0-9a-fA-F.:]+(/[0-9]{1,3})?$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub trusted_proxies: Vec<String>,
    /// How many proxies stand in front of the gateway, itself not counted, and add the address that they were called from to
    /// `X-Forwarded-For`: 2 for a balancer and a content delivery network before it. The nearest is named by `trustedProxies`.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 10))]
    pub trusted_hops: i32,
    /// HTTPS. Without it the gateway speaks plain HTTP, for development or behind a proxy that ends TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<GatewayTls>,
    /// How many requests are let through; the rest is answered 429 with `Retry-After`.
    #[serde(default)]
    pub rate_limit: RateLimit,
    /// Where its pods run.
    #[serde(default)]
    pub scheduling: Scheduling,
}

/// HTTPS at the gateway, port 443; requests to port 80 are sent there. TLS 1.2 and later.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.secretRef) != has(self.selfSigned)")
    .message("gateway.traefik.tls needs one of secretRef and selfSigned"))]
pub struct GatewayTls {
    /// Secret of type `kubernetes.io/tls` with the keys `tls.crt` and `tls.key`, as cert-manager keeps it up to date. A new
    /// certificate in it is taken up within two minutes, without a pod that starts anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// For development: a certificate for the host of `publicUrl` that the operator makes and renews, in the Secret
    /// `<stack>-gateway-tls`. It is signed by the stack's own authority, which nobody else trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<SelfSigned>,
}

/// A certificate by the stack's own authority.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
pub struct SelfSigned {}

/// Limits of each pod of the gateway, in requests per second. Twice as many may come at once.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Of one signed-in user, everywhere but at `/v1/auth`; 0 for no limit.
    #[serde(default = "fifty")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub per_user: i64,
    /// Of one address, or one /64 of IPv6; 0 for no limit. Set it only where the gateway sees its clients' addresses: by
    /// `service.externalTrafficPolicy: Local`, or behind `trustedProxies`. Else all of them would share one limit.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub per_address: i64,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { per_user: fifty(), per_address: 0 }
    }
}

impl Traefik {
    /// How many proxies in front of it are believed.
    pub fn proxies(&self) -> i32 {
        if self.trusted_proxies.is_empty() { 0 } else { self.trusted_hops }
    }
}

impl Default for Traefik {
    fn default() -> Self {
        Self {
            replicas: one(),
            resources: Resources::default(),
            service: GatewayService::default(),
            trusted_proxies: Vec::new(),
            trusted_hops: one(),
            tls: None,
            rate_limit: RateLimit::default(),
            scheduling: Scheduling::default(),
        }
    }
}

/// The Service in front of the gateway.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.nodePort) || self.type != 'ClusterIP'")
    .message("nodePort needs type NodePort or LoadBalancer; set gateway.traefik.service.type or leave nodePort out"))]
pub struct GatewayService {
    /// How the Service is reached.
    #[serde(default, rename = "type")]
    pub type_: GatewayServiceType,
    /// Port on every node, of HTTP, or of HTTPS with `tls`; the cluster chooses one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub node_port: Option<i32>,
    /// `Local` sends requests only to pods on the node that they reach: then the gateway sees the client's address, and
    /// nodes without its pods answer nothing. `Cluster` reaches a pod from every node, which hides the address.
    #[serde(default)]
    pub external_traffic_policy: ExternalTrafficPolicy,
}

/// Where requests from outside the cluster go.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExternalTrafficPolicy {
    /// To any pod, under the node's address.
    #[default]
    Cluster,
    /// To pods of the node that was reached, under the client's address.
    Local,
}

impl ExternalTrafficPolicy {
    /// The name in a Service.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Local => "Local",
        }
    }
}

/// How a Service is reached.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GatewayServiceType {
    /// From inside the cluster only.
    #[default]
    ClusterIP,
    /// By a port on every node.
    NodePort,
    /// By the balancer of the cloud.
    LoadBalancer,
}

impl GatewayServiceType {
    /// The name in a Service.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

fn one() -> i32 {
    1
}

fn fifty() -> i64 {
    50
}
