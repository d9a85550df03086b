//! What services need to send traces: the settings, and a way out of the stack to the collector.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        core::v1::EnvVar,
        networking::v1::{NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicySpec},
    },
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
};

use super::{
    network_policy::port,
    pod::{self, env},
};
use crate::{
    api::v1alpha1::Tracing,
    stack::{
        component::{Component, INSTANCE, Service},
        validate::ValidStack,
    },
};

/// Where to send traces, how many, and what they say of the process besides its name.
pub fn environment(stack: &ValidStack) -> Vec<EnvVar> {
    let Some(Tracing { endpoint, sampling_ratio }) = &stack.tracing else { return Vec::new() };
    let names = &stack.names;
    let attributes = format!("k8s.namespace.name={},tracklore.stack.name={}", names.namespace, names.stack);
    vec![
        env("TRACKLORE_OTLP_ENDPOINT", endpoint.clone()),
        env("TRACKLORE_TRACE_SAMPLING_RATIO", sampling_ratio.clone()),
        env("TRACKLORE_OTLP_ATTRIBUTES", attributes),
    ]
}

/// The services' way to the collector: its port, and its namespace where the address names it.
pub fn policy(stack: &ValidStack, tracing: &Tracing) -> NetworkPolicy {
    let (number, namespace) = target(&tracing.endpoint);
    let services = Service::ALL.map(|service| service.as_str().to_owned()).to_vec();
    let to = namespace.map(|namespace| {
        let name = BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), namespace.to_owned())]);
        let selector = LabelSelector { match_labels: Some(name), ..LabelSelector::default() };
        vec![NetworkPolicyPeer { namespace_selector: Some(selector), ..NetworkPolicyPeer::default() }]
    });
    NetworkPolicy {
        metadata: pod::metadata(stack, &stack.names.child("tracing"), Component::Service(Service::Auth)),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some(BTreeMap::from([(INSTANCE.to_owned(), stack.names.stack.clone())])),
                match_expressions: Some(vec![LabelSelectorRequirement {
                    key: "app.kubernetes.io/component".into(),
                    operator: "In".into(),
                    values: Some(services),
                }]),
            }),
            policy_types: Some(pod::words(&["Egress"])),
            egress: Some(vec![NetworkPolicyEgressRule { ports: Some(vec![port(number)]), to }]),
            ingress: None,
        }),
    }
}

/// Port and namespace of an address; the namespace only where it is that of a Service: `<name>.<namespace>.svc`.
fn target(endpoint: &str) -> (i32, Option<&str>) {
    // OTLP's own port is 4318; an address without a port means that of its scheme
    let (rest, usual) = match endpoint.split_once("://") {
        Some(("https", rest)) => (rest, 443),
        Some((_, rest)) => (rest, 80),
        None => (endpoint, 80),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, number) = authority.split_once(':').unwrap_or((authority, ""));
    let mut labels = host.split('.').skip(1);
    let namespace = labels.next().filter(|_| labels.next() == Some("svc"));
    (number.parse().unwrap_or(usual), namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_service_is_to_its_namespace_and_any_other_by_port_alone() {
        for (endpoint, way) in [
            ("http://otel-collector.monitoring.svc:4318", (4318, Some("monitoring"))),
            ("http://jaeger.o11y.svc.cluster.local/otlp", (80, Some("o11y"))),
            ("http://10.0.0.7:4318", (4318, None)),
            ("http://otel.example.org:4318", (4318, None)),
            ("http://collector", (80, None)),
            ("https://otel.example.org/otlp", (443, None)),
            ("https://otel-collector.monitoring.svc:4318", (4318, Some("monitoring"))),
        ] {
            assert_eq!(target(endpoint), way, "{endpoint}");
        }
    }
}
