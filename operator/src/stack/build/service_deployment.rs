//! Deployment and address of a service.

use k8s_openapi::{
    DeepMerge,
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        core::v1::{Container, ContainerPort, PodTemplateSpec, Service as Address},
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use super::{
    address,
    authority::Authority,
    certificate,
    pod::{self, Timing},
    secrets, service_env, spread,
};
use crate::{
    api::v1alpha1::ServiceSettings,
    stack::{
        component::{Component, IMAGE, Service},
        observed::{Observed, Workload},
        plan::digest,
        validate::ValidStack,
    },
};

/// Volumes that the operator may give a service.
const VOLUMES: [&str; 7] =
    ["signing-keys", "clients", certificate::VOLUME, "stack-ca", "postgres-ca", "kafka-ca", "redis-ca"];

/// Whether a volume of this name is the operator's.
pub fn is_own_volume(name: &str) -> bool {
    VOLUMES.contains(&name)
}

/// The user of the services' images.
pub const USER: i64 = 65532;

/// The address: `http` for clients, `internal` for other services.
pub fn address(stack: &ValidStack, service: Service) -> Address {
    let component = Component::Service(service);
    let ports = vec![address::port("http", 8080), address::port("internal", 8081)];
    address::address(stack, &stack.names.of(component), component, ports)
}

/// The Deployment.
pub fn deployment(stack: &ValidStack, service: Service, observed: &Observed) -> Deployment {
    let component = Component::Service(service);
    let settings = stack.services.get(service);
    let memory_limit = match service {
        // Each password that is checked takes tens of mebibytes for a moment.
        Service::Auth => "512Mi",
        Service::User | Service::Posts | Service::Feed => "256Mi",
    };
    let port = |name: &str, number| ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        ..ContainerPort::default()
    };
    // Read again when it is renewed: that is no reason to start anew.
    let mut mounts = vec![certificate::mount()];
    let mut volumes = vec![certificate::volume(stack, component)];
    if service == Service::Auth {
        mounts.push(pod::read_only("signing-keys", service_env::SIGNING_KEYS));
        mounts.push(pod::read_only("clients", service_env::CLIENTS));
        volumes.push(pod::secret_volume("signing-keys", &secrets::signing_keys(&stack.names)));
        volumes.push(pod::secret_volume("clients", &secrets::clients(&stack.names)));
    }
    for authority in Authority::all(stack, service) {
        mounts.push(authority.mount());
        volumes.push(authority.volume());
    }
    let container = Container {
        name: service.as_str().to_owned(),
        image: Some(stack.images.services.get(service).clone()),
        args: Some(pod::words(&["serve"])),
        env: Some(service_env::environment(stack, observed, service)),
        ports: Some(vec![port("http", 8080), port("internal", 8081), port("admin", 9090)]),
        resources: Some(pod::resources(&settings.resources, ("50m", "48Mi"), memory_limit)),
        startup_probe: Some(Timing::STARTUP.http("/startupz", "admin")),
        readiness_probe: Some(Timing::READINESS.http("/readyz", "admin")),
        liveness_probe: Some(Timing::LIVENESS.http("/livez", "admin")),
        volume_mounts: Some(mounts),
        ..Container::default()
    };
    let used = service_env::secrets_used(stack, service).into_iter();
    let hashes: Vec<_> = used.map(|name| observed.digest_in_use(&name)).collect();
    let mut spec = pod::spec(stack, USER, container, volumes);
    // It drains for ten seconds, may take twelve to answer what is left, and as long to end what it does beside that.
    spec.termination_grace_period_seconds = Some(40);
    spec.topology_spread_constraints = spread::constraints(stack, component);
    stack.placement(component).place(&mut spec);
    let mut template = pod::template(stack.names.labels(component), Some(digest(&hashes)), spec);
    template.merge_from(stack.pod_overrides.get(service).clone());
    let replicas = replicas(settings, observed.service(&stack.names, service));
    let mut deployment = rolling(stack, component, replicas, template);
    deployment.metadata.annotations =
        Some([(IMAGE.to_owned(), stack.images.services.get(service).clone())].into());
    deployment
}

/// How many pods are asked for: none of our business where an autoscaler decides it, once there is something to scale.
fn replicas(settings: &ServiceSettings, existing: Option<&Workload>) -> Option<i32> {
    match &settings.autoscaling {
        None => Some(settings.replicas),
        Some(_) if existing.is_some_and(|workload| workload.desired > 0) => None,
        Some(autoscaling) => Some(autoscaling.min_replicas),
    }
}

/// A Deployment that never has fewer ready pods than asked for while it rolls.
pub fn rolling(
    stack: &ValidStack,
    component: Component,
    replicas: Option<i32>,
    template: PodTemplateSpec,
) -> Deployment {
    Deployment {
        metadata: pod::metadata(stack, &stack.names.of(component), component),
        spec: Some(DeploymentSpec {
            replicas,
            revision_history_limit: Some(3),
            progress_deadline_seconds: Some(300),
            // A pod counts as available, and the stack as serving, only when every node had time to learn its address.
            min_ready_seconds: Some(4),
            selector: LabelSelector {
                match_labels: Some(stack.names.selector(component)),
                ..LabelSelector::default()
            },
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".into()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_unavailable: Some(IntOrString::Int(0)),
                    max_surge: Some(IntOrString::Int(1)),
                }),
            }),
            template,
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}
