//! The Job that makes databases and roles, with psql.

use k8s_openapi::api::core::v1::{ConfigMap, Container};

use super::{
    config_map,
    job::{self, HashedJob},
    pod, postgres, secrets,
};
use crate::stack::{
    component::{Component, Service},
    validate::ValidStack,
};

const COMPONENT: Component = Component::Postgres;
const PURPOSE: &str = "postgres-provision";
/// Postgres may just be starting. The Job's deadline bounds the wait.
const SCRIPT: &str =
    "until pg_isready --quiet; do sleep 1; done; exec psql --no-psqlrc --file=/etc/tracklore/postgres.sql";

/// What it runs.
pub fn config(stack: &ValidStack) -> ConfigMap {
    config_map::config_map(
        stack,
        &stack.names.child(PURPOSE),
        COMPONENT,
        [("postgres.sql", include_str!("provision/postgres.sql").to_owned())],
    )
}

/// The Job. `credentials` is a hash of the passwords that it sets.
pub fn job(stack: &ValidStack, config: &ConfigMap, credentials: &str) -> HashedJob {
    let names = &stack.names;
    let mut env = vec![
        pod::env("PGHOST", names.of(COMPONENT)),
        pod::env("PGUSER", "postgres"),
        pod::env("PGDATABASE", "postgres"),
        pod::env("PGCONNECT_TIMEOUT", "10"),
        pod::secret_env("PGPASSWORD", secrets::postgres_superuser(names), "password"),
    ];
    for service in Service::WITH_DATABASE {
        let prefix = service.as_str().to_uppercase();
        env.push(pod::secret_env(
            &format!("{prefix}_PASSWORD"),
            secrets::postgres(names, service),
            "password",
        ));
        env.push(pod::secret_env(
            &format!("{prefix}_MIGRATION_PASSWORD"),
            secrets::postgres_migration(names, service),
            "password",
        ));
    }
    let container = Container {
        name: "psql".into(),
        image: Some(stack.images.postgres.clone()),
        command: Some(pod::words(&["/bin/sh", "-ec", SCRIPT])),
        env: Some(env),
        resources: Some(pod::resources(
            &crate::api::v1alpha1::Resources::default(),
            ("20m", "32Mi"),
            "128Mi",
        )),
        volume_mounts: Some(vec![pod::read_only("config", "/etc/tracklore"), pod::mount("tmp", "/tmp")]),
        ..Container::default()
    };
    let volumes = vec![pod::config_volume("config", &names.child(PURPOSE)), pod::in_memory("tmp", "4Mi")];
    let spec = pod::spec(stack, postgres::USER, container, volumes);
    job::job(stack, COMPONENT, PURPOSE, &[&config_map::files_digest(config), credentials], 600, spec)
}
