//! PodDisruptionBudgets: a node that is drained takes one pod of a component at a time.

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use super::pod;
use crate::{
    api::v1alpha1::ServiceSettings,
    stack::{
        component::{Component, Service},
        validate::ValidStack,
    },
};

/// One for each component with several pods. A single pod has none: it would only keep its node from being drained.
pub fn budgets(stack: &ValidStack) -> Vec<PodDisruptionBudget> {
    let services = Service::ALL
        .into_iter()
        .map(|service| (Component::Service(service), most(stack.services.get(service))));
    let gateway = stack.gateway.iter().map(|gateway| (Component::Gateway, gateway.replicas));
    services
        .chain(gateway)
        .chain(stack.kafka.managed().map(|kafka| (Component::Kafka, kafka.nodes)))
        .filter(|(_, replicas)| *replicas > 1)
        .map(|(component, _)| budget(stack, component))
        .collect()
}

/// The most pods that a service can have.
fn most(settings: &ServiceSettings) -> i32 {
    settings.autoscaling.as_ref().map_or(settings.replicas, |autoscaling| autoscaling.max_replicas)
}

fn budget(stack: &ValidStack, component: Component) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: pod::metadata(stack, &stack.names.of(component), component),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(stack.names.selector(component)),
                ..LabelSelector::default()
            }),
            // A pod that isn't ready anyway holds nothing up.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}
