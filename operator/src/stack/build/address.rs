//! Services: the addresses of components.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::pod;
use crate::stack::{component::Component, validate::ValidStack};

/// A port of a Service, which leads to the container port of the same name.
pub fn port(name: &str, number: i32) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number,
        target_port: Some(IntOrString::String(name.to_owned())),
        protocol: Some("TCP".into()),
        ..ServicePort::default()
    }
}

/// An address inside the cluster.
pub fn address(stack: &ValidStack, name: &str, component: Component, ports: Vec<ServicePort>) -> Service {
    Service {
        metadata: pod::metadata(stack, name, component),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            selector: Some(stack.names.selector(component)),
            ports: Some(ports),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// Names for single pods, known before they are ready, so that they can find one another while they start.
pub fn headless(stack: &ValidStack, name: &str, component: Component, ports: Vec<ServicePort>) -> Service {
    let mut service = address(stack, name, component, ports);
    if let Some(spec) = &mut service.spec {
        spec.cluster_ip = Some("None".into());
        spec.publish_not_ready_addresses = Some(true);
    }
    service
}
