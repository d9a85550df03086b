//! `HorizontalPodAutoscaler`s: they decide how many pods a service has, and then nobody else does.

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec,
    MetricTarget, ResourceMetricSource,
};

use super::pod;
use crate::{
    api::v1alpha1::Autoscaling,
    stack::{
        component::{Component, Service},
        validate::ValidStack,
    },
};

/// One for each service that asks for it.
pub fn autoscalers(stack: &ValidStack) -> Vec<HorizontalPodAutoscaler> {
    let asked = |service| Some((service, stack.services.get(service).autoscaling.as_ref()?));
    let services = Service::ALL.into_iter().filter_map(asked);
    services.map(|(service, autoscaling)| autoscaler(stack, service, autoscaling)).collect()
}

fn autoscaler(stack: &ValidStack, service: Service, asked: &Autoscaling) -> HorizontalPodAutoscaler {
    let component = Component::Service(service);
    let name = stack.names.of(component);
    HorizontalPodAutoscaler {
        metadata: pod::metadata(stack, &name, component),
        spec: Some(HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".into()),
                kind: "Deployment".into(),
                name,
            },
            min_replicas: Some(asked.min_replicas),
            max_replicas: asked.max_replicas,
            metrics: Some(vec![MetricSpec {
                type_: "Resource".into(),
                resource: Some(ResourceMetricSource {
                    name: "cpu".into(),
                    target: MetricTarget {
                        type_: "Utilization".into(),
                        average_utilization: Some(asked.target_cpu_percent),
                        ..MetricTarget::default()
                    },
                }),
                ..MetricSpec::default()
            }]),
            ..HorizontalPodAutoscalerSpec::default()
        }),
        ..HorizontalPodAutoscaler::default()
    }
}
