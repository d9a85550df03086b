//! The managed Postgres: one instance, its settings, its address.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{
        ConfigMap, Container, ContainerPort, EnvVar, ExecAction, Lifecycle, LifecycleHandler,
        PersistentVolumeClaim, Service,
    },
};

use super::{
    address,
    authority::Authority,
    certificate, config_map,
    pod::{self, Timing},
    secrets,
    stateful_set::{self, DATA, Volume},
};
use crate::{
    api::v1alpha1::ManagedPostgres,
    stack::{component::Component, observed::Workload, validate::ValidStack},
};

const COMPONENT: Component = Component::Postgres;
/// The user of Postgres' images.
pub const USER: i64 = 999;
/// The data directory, a folder of the volume: the volume's own root may hold a lost+found.
const DATA_DIRECTORY: &str = "/var/lib/postgresql/data/pgdata";

/// Its start script and settings.
pub fn config(stack: &ValidStack) -> ConfigMap {
    config_map::config_map(
        stack,
        &stack.names.of(COMPONENT),
        COMPONENT,
        [
            ("start.sh", include_str!("scripts/postgres-start.sh").to_owned()),
            ("ready.sh", include_str!("scripts/postgres-ready.sh").to_owned()),
            ("postgresql.conf", include_str!("scripts/postgresql.conf").to_owned()),
            ("pg_hba.conf", include_str!("scripts/pg_hba.conf").to_owned()),
        ],
    )
}

/// Its address.
pub fn service(stack: &ValidStack) -> Service {
    address::address(stack, &stack.names.of(COMPONENT), COMPONENT, vec![address::port("postgres", 5432)])
}

/// Where clients find it: host and port.
pub fn host(stack: &ValidStack) -> (String, i32) {
    match stack.postgres.external() {
        None => (stack.names.host("postgres"), 5432),
        Some(external) => (external.host.clone(), external.port),
    }
}

/// What Postgres' own tools are told of how to connect.
pub fn client(stack: &ValidStack) -> Vec<EnvVar> {
    let (host, port) = host(stack);
    let authority = Authority::postgres(stack);
    let mut env = vec![
        pod::env("PGHOST", host),
        pod::env("PGPORT", port.to_string()),
        pod::env("PGCONNECT_TIMEOUT", "10"),
        pod::env("PGSSLMODE", if authority.is_some() { "verify-full" } else { "disable" }),
    ];
    env.extend(authority.map(|authority| pod::env("PGSSLROOTCERT", authority.path())));
    env
}

fn volume(managed: &ManagedPostgres) -> Volume<'_> {
    let storage = &managed.storage;
    Volume { size: &storage.size, class: storage.class_name.as_deref() }
}

/// The instance.
pub fn stateful_set(
    stack: &ValidStack,
    managed: &ManagedPostgres,
    config: &ConfigMap,
    existing: Option<&Workload>,
) -> StatefulSet {
    let name = stack.names.of(COMPONENT);
    let is_ready = ["sh", "/etc/tracklore/ready.sh"];
    let container = Container {
        name: "postgres".into(),
        image: Some(stack.images.postgres.clone()),
        command: Some(pod::words(&["sh", "/etc/tracklore/start.sh"])),
        env: Some(vec![
            // So that `kubectl exec … -- psql` finds the socket, wherever psql was told to look for it when it was built.
            pod::env("PGHOST", "/run/postgresql"),
            pod::secret_env("POSTGRES_PASSWORD", secrets::postgres_superuser(&stack.names), "password"),
        ]),
        ports: Some(vec![ContainerPort {
            name: Some("postgres".into()),
            container_port: 5432,
            ..ContainerPort::default()
        }]),
        resources: Some(pod::resources(&managed.resources, ("100m", "128Mi"), "512Mi")),
        startup_probe: Some(Timing { failures: 300, ..Timing::STARTUP }.exec(&is_ready)),
        readiness_probe: Some(Timing::READINESS_BY_COMMAND.exec(&is_ready)),
        liveness_probe: Some(Timing::LIVENESS.tcp("postgres")),
        // The signal that ends a pod makes Postgres wait for its clients for ever; this ends their sessions instead.
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                exec: Some(ExecAction {
                    command: Some(pod::words(&[
                        "pg_ctl",
                        "stop",
                        "-D",
                        DATA_DIRECTORY,
                        "-m",
                        "fast",
                        "-t",
                        "50",
                    ])),
                }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        volume_mounts: Some(vec![
            pod::mount(DATA, "/var/lib/postgresql/data"),
            pod::read_only("config", "/etc/tracklore"),
            certificate::mount(),
            pod::mount("tmp", "/tmp"),
            pod::mount("run", "/run/postgresql"),
            pod::mount("shm", "/dev/shm"),
        ]),
        ..Container::default()
    };
    let mut spec = pod::spec(
        stack,
        USER,
        container,
        vec![
            pod::config_volume("config", &name),
            certificate::volume(stack, COMPONENT),
            pod::in_memory("tmp", "16Mi"),
            pod::in_memory("run", "1Mi"),
            pod::in_memory("shm", "128Mi"),
        ],
    );
    spec.termination_grace_period_seconds = Some(60);
    stack.placement(COMPONENT).place(&mut spec);
    // Only the settings count: the superuser's password is read once, when the data directory is made.
    let template = pod::template(stack.names.labels(COMPONENT), Some(config_map::files_digest(config)), spec);
    stateful_set::stateful_set(stack, COMPONENT, 1, &name, &volume(managed), existing, template)
}

/// The size of its claim.
pub fn claims(
    stack: &ValidStack,
    managed: &ManagedPostgres,
    existing: Option<&Workload>,
) -> Vec<PersistentVolumeClaim> {
    stateful_set::claims(stack, COMPONENT, 1, &volume(managed), existing)
}
