//! The Jobs that bring a service's database to what its image expects, and that take away what only older images use.

use k8s_openapi::api::core::v1::Container;

use super::{
    authority::Authority,
    job::{self, HashedJob},
    login, pod,
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

/// The Job before a service's new image serves. It runs that image, as the role that acts for the database's owner.
pub fn expand(stack: &ValidStack, observed: &Observed, service: Service) -> HashedJob {
    let image = stack.images.services.get(service);
    job(stack, observed, service, "migrate", image, &["migrate"])
}

/// The Job that takes away what no image before `image` can do without.
pub fn contract(stack: &ValidStack, observed: &Observed, service: Service, image: &str) -> HashedJob {
    job(stack, observed, service, "contract", image, &["migrate", "--contract"])
}

fn job(
    stack: &ValidStack,
    observed: &Observed,
    service: Service,
    purpose: &str,
    image: &str,
    arguments: &[&str],
) -> HashedJob {
    let authority = Authority::postgres(stack);
    let container = Container {
        name: purpose.to_owned(),
        image: Some(image.to_owned()),
        args: Some(pod::words(arguments)),
        env: Some(service_env::database(
            stack,
            service,
            "TRACKLORE_MIGRATION_DATABASE",
            &login::migration(stack, observed, service),
        )),
        volume_mounts: authority.as_ref().map(|authority| vec![authority.mount()]),
        resources: Some(pod::resources(&Resources::default(), ("20m", "32Mi"), "128Mi")),
        ..Container::default()
    };
    let volumes = authority.iter().map(Authority::volume).collect();
    let spec = pod::spec(stack, USER, container, volumes);
    job::job(stack, Component::Service(service), &format!("{}-{purpose}", service.as_str()), &[], 1800, spec)
}
