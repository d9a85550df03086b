//! What a stack tells of itself, and to whom.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the stack tells of itself, and to whom. Metrics need no setting: Prometheus fetches them.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Observability {
    /// Where traces go. Without it, nothing is traced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<Tracing>,
}

/// Where traces go.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Tracing {
    /// A collector that understands OTLP over HTTP, for example `http://otel-collector.monitoring.svc:4318`; by `https://`
    /// one whose certificate is signed by somebody whom systems trust. The services may reach this port and no other outside the
    /// stack; it must be the port of the collector's pods, too.
    #[schemars(
        length(max = 253),
        regex(pattern = r"^https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?$")
    )]
    pub endpoint: String,
    /// How many of the requests that nobody traces yet are traced: `0` for none, `1` for all. Failures are always kept.
    #[serde(default = "one_percent")]
    #[schemars(length(max = 8), regex(pattern = r"^(0(\.[0-9]+)?|1(\.0+)?)$"))]
    pub sampling_ratio: String,
}

fn one_percent() -> String {
    "0.01".into()
}
