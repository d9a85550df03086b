//! The Job that brings a service's database to what its image expects.

use k8s_openapi::api::core::v1::Container;

use super::{
    authority::Authority,
    database_login,
    job::{self, HashedJob},
    pod,
    service_deployment::USER,
    service_env,
};
use crate::{
    api::v1alpha1::Resources,
    stack::{
        component::{Component, Service},
        observed::Observed,
        validate::ValidStack,
    },
};

/// The Job of one service. It runs the image that will serve, as the role that acts for the database's owner.
pub fn job(stack: &ValidStack, observed: &Observed, service: Service) -> HashedJob {
    let authority = Authority::postgres(stack);
    let container = Container {
        name: "migrate".into(),
        image: Some(stack.images.services.get(service).clone()),
        args: Some(pod::words(&["migrate"])),
        env: Some(service_env::database(
            stack,
            service,
            "TRACKLORE_MIGRATION_DATABASE",
            &database_login::migration(stack, observed, service),
        )),
        volume_mounts: authority.as_ref().map(|authority| vec![authority.mount()]),
        resources: Some(pod::resources(&Resources::default(), ("20m", "32Mi"), "128Mi")),
        ..Container::default()
    };
    let volumes = authority.iter().map(Authority::volume).collect();
    let spec = pod::spec(stack, USER, container, volumes);
    job::job(stack, Component::Service(service), &format!("{}-migrate", service.as_str()), &[], 1800, spec)
}
