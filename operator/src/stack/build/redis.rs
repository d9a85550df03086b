//! The managed Redis: one Valkey with an append-only file.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Container, ContainerPort, PersistentVolumeClaim, Service},
};

use super::{
    address, certificate, config_map,
    pod::{self, Timing},
    secrets,
    stateful_set::{self, DATA, Volume},
};
use crate::{
    api::v1alpha1::ManagedRedis,
    stack::{component::Component, observed::Workload, plan::digest, validate::ValidStack},
};

const COMPONENT: Component = Component::Redis;
const USER: i64 = 999;

/// Its start script and settings.
pub fn config(stack: &ValidStack) -> ConfigMap {
    let settings = format!("{}maxmemory {}\n", include_str!("scripts/valkey.conf"), stack.redis_bytes);
    config_map::config_map(
        stack,
        &stack.names.of(COMPONENT),
        COMPONENT,
        [
            ("start.sh", include_str!("scripts/redis-start.sh").to_owned()),
            ("ready.sh", include_str!("scripts/redis-ready.sh").to_owned()),
            ("users.sh", include_str!("scripts/redis-users.sh").to_owned()),
            ("valkey.conf", settings),
        ],
    )
}

/// Its address.
pub fn service(stack: &ValidStack) -> Service {
    address::address(stack, &stack.names.of(COMPONENT), COMPONENT, vec![address::port("redis", 6379)])
}

fn volume(managed: &ManagedRedis) -> Volume<'_> {
    let storage = &managed.storage;
    Volume { size: &storage.size, class: storage.class_name.as_deref() }
}

/// The instance. `admin` is a hash of its administrator's password.
pub fn stateful_set(
    stack: &ValidStack,
    managed: &ManagedRedis,
    config: &ConfigMap,
    admin: &str,
    existing: Option<&Workload>,
) -> StatefulSet {
    let names = &stack.names;
    let is_ready = ["sh", "/etc/tracklore/ready.sh"];
    let answers =
        ["valkey-cli", "-s", "/run/valkey/valkey.sock", "--user", "admin", "--no-auth-warning", "ping"];
    // While the file is rewritten, pages that change are held twice.
    let limit = format!("{}Mi", (stack.redis_bytes >> 20) * 3 / 2 + 64);
    let container = Container {
        name: "redis".into(),
        image: Some(stack.images.redis.clone()),
        command: Some(pod::words(&["sh", "/etc/tracklore/start.sh"])),
        env: Some(vec![
            // The administrator's password, as valkey-cli in the probes wants it.
            pod::secret_env("REDISCLI_AUTH", secrets::redis_admin(names), "password"),
        ]),
        ports: Some(vec![ContainerPort {
            name: Some("redis".into()),
            container_port: 6379,
            ..ContainerPort::default()
        }]),
        resources: Some(pod::resources(&managed.resources, ("50m", "64Mi"), &limit)),
        // An answer means that the file has been read: until then every command is refused.
        startup_probe: Some(Timing { failures: 600, ..Timing::STARTUP }.exec(&is_ready)),
        readiness_probe: Some(Timing::READINESS_BY_COMMAND.exec(&is_ready)),
        // One that only connects would be a failed handshake in the log. Any answer will do: a full disk is no reason to end it.
        liveness_probe: Some(Timing::LIVENESS_BY_COMMAND.exec(&answers)),
        volume_mounts: Some(vec![
            pod::mount(DATA, "/data"),
            pod::read_only("config", "/etc/tracklore"),
            certificate::mount(),
            pod::read_only("logins", "/var/run/tracklore/logins"),
            pod::mount("run", "/run/valkey"),
        ]),
        ..Container::default()
    };
    let volumes = vec![
        pod::config_volume("config", &names.of(COMPONENT)),
        certificate::volume(stack, COMPONENT),
        pod::secret_volume("logins", &secrets::redis_feed(names)),
        pod::in_memory("run", "1Mi"),
    ];
    let mut spec = pod::spec(stack, USER, container, volumes);
    stack.placement(COMPONENT).place(&mut spec);
    let hash = digest(&(config_map::files_digest(config), admin));
    let template = pod::template(names.labels(COMPONENT), Some(hash), spec);
    stateful_set::stateful_set(
        stack,
        COMPONENT,
        1,
        &names.of(COMPONENT),
        &volume(managed),
        existing,
        template,
    )
}

/// The size of its claim.
pub fn claims(
    stack: &ValidStack,
    managed: &ManagedRedis,
    existing: Option<&Workload>,
) -> Vec<PersistentVolumeClaim> {
    stateful_set::claims(stack, COMPONENT, 1, &volume(managed), existing)
}
