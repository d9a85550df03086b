//! The Job that brings a service's database to what its image expects.

use k8s_openapi::api::core::v1::Container;

use super::{
    job::{self, HashedJob},
    pod, secrets,
    service_deployment::USER,
};
use crate::{
    api::v1alpha1::Resources,
    stack::{
        component::{Component, Service},
        validate::ValidStack,
    },
};

/// The Job of one service. It runs the image that will serve, as the role that acts for the database's owner.
pub fn job(stack: &ValidStack, service: Service) -> HashedJob {
    let container = Container {
        name: "migrate".into(),
        image: Some(stack.images.services.get(service).clone()),
        args: Some(pod::words(&["migrate"])),
        env: Some(vec![pod::secret_env(
            "TRACKLORE_MIGRATION_DATABASE_URL",
            secrets::postgres_migration(&stack.names, service),
            "uri",
        )]),
        resources: Some(pod::resources(&Resources::default(), ("20m", "32Mi"), "128Mi")),
        ..Container::default()
    };
    let spec = pod::spec(stack, USER, container, Vec::new());
    job::job(stack, Component::Service(service), &format!("{}-migrate", service.as_str()), &[], 1800, spec)
}
