//! The managed Kafka: one node or three, each both broker and controller.

use std::fmt::Write;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Container, ContainerPort, PersistentVolumeClaim, Service},
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
    api::v1alpha1::{ManagedKafka, TlsMode},
    stack::{
        component::{Component, Names},
        observed::Workload,
        source::Source,
        validate::ValidStack,
    },
};

const COMPONENT: Component = Component::Kafka;
/// The user of Kafka's images.
pub const USER: i64 = 1000;

/// The Service that gives each node a name.
const NODES: &str = "kafka-nodes";

/// How nodes are reached: by one another, and by clients that have begun with [`bootstrap`].
pub fn node_hosts(names: &Names, nodes: i32) -> impl Iterator<Item = String> {
    let name = move |node| format!("{}-{node}.{}", names.of(COMPONENT), names.host(NODES));
    // one that is alone talks to itself
    (0..nodes).map(name).chain(["127.0.0.1".to_owned()])
}

/// The address that clients begin with.
pub fn bootstrap(stack: &ValidStack) -> String {
    match &stack.kafka {
        Source::Managed(_) => format!("{}:9092", stack.names.host("kafka")),
        Source::External(external) => external.servers.join(","),
    }
}

/// How clients connect, as librdkafka names it; Kafka's own tools want it in capitals.
pub fn protocol(stack: &ValidStack) -> &'static str {
    match &stack.kafka {
        Source::Managed(_) => "sasl_ssl",
        Source::External(external) => match (&external.login, external.tls.mode) {
            (None, TlsMode::Disabled) => "plaintext",
            (None, TlsMode::Required) => "ssl",
            (Some(_), TlsMode::Disabled) => "sasl_plaintext",
            (Some(_), TlsMode::Required) => "sasl_ssl",
        },
    }
}

/// Its start script and settings.
pub fn config(stack: &ValidStack, managed: &ManagedKafka) -> ConfigMap {
    let copies = managed.nodes;
    let in_sync = (copies + 1) / 2;
    let mut properties = include_str!("scripts/kafka-server.properties").to_owned();
    for (key, value) in [
        ("default.replication.factor", copies),
        ("min.insync.replicas", in_sync),
        ("offsets.topic.replication.factor", copies),
        ("transaction.state.log.replication.factor", copies),
        ("transaction.state.log.min.isr", in_sync),
        ("share.coordinator.state.topic.replication.factor", copies),
        ("share.coordinator.state.topic.min.isr", in_sync),
    ] {
        // Writing to a String can't fail.
        let _ = writeln!(properties, "{key}={value}");
    }
    config_map::config_map(
        stack,
        &stack.names.of(COMPONENT),
        COMPONENT,
        [
            ("start.sh", include_str!("scripts/kafka-start.sh").to_owned()),
            ("server.properties", properties),
            ("log4j2.yaml", include_str!("scripts/log4j2.yaml").to_owned()),
        ],
    )
}

/// The address that clients begin with, and the names of the nodes.
pub fn services(stack: &ValidStack) -> [Service; 2] {
    let nodes = vec![
        address::port("client", 9092),
        address::port("internal", 9094),
        address::port("controller", 9093),
    ];
    [
        address::address(stack, &stack.names.of(COMPONENT), COMPONENT, vec![address::port("client", 9092)]),
        address::headless(stack, &stack.names.child(NODES), COMPONENT, nodes),
    ]
}

fn volume(managed: &ManagedKafka) -> Volume<'_> {
    let storage = &managed.storage;
    Volume { size: &storage.size, class: storage.class_name.as_deref() }
}

/// The nodes. `credentials` is a hash of what they share.
pub fn stateful_set(
    stack: &ValidStack,
    managed: &ManagedKafka,
    config: &ConfigMap,
    credentials: &str,
    existing: Option<&Workload>,
) -> StatefulSet {
    let names = &stack.names;
    let authority = Authority::stack(names);
    let port = |name: &str, number| ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        ..ContainerPort::default()
    };
    let container = Container {
        name: "kafka".into(),
        image: Some(stack.images.kafka.clone()),
        command: Some(pod::words(&["sh", "/etc/tracklore/start.sh"])),
        env: Some(vec![
            pod::env("NODES", managed.nodes.to_string()),
            pod::env("NODES_HOST", names.host(NODES)),
            pod::env("HEAP", "256m"),
            pod::env("AUTHORITY", authority.path()),
            pod::secret_env("CLUSTER_ID", secrets::kafka_cluster(names), "cluster-id"),
            pod::secret_env("CONTROLLER_PASSWORD", secrets::kafka_cluster(names), "controller-password"),
            pod::secret_env("ADMIN_PASSWORD", secrets::kafka_admin(names), "password"),
        ]),
        ports: Some(vec![port("client", 9092), port("controller", 9093), port("internal", 9094)]),
        resources: Some(pod::resources(&managed.resources, ("100m", "384Mi"), "640Mi")),
        startup_probe: Some(Timing { failures: 300, ..Timing::STARTUP }.tcp("client")),
        readiness_probe: Some(Timing::READINESS.tcp("client")),
        liveness_probe: Some(Timing::LIVENESS.tcp("client")),
        volume_mounts: Some(vec![
            pod::mount(DATA, "/var/lib/kafka"),
            pod::read_only("config", "/etc/tracklore"),
            certificate::mount(),
            authority.mount(),
            pod::mount("run", "/run/kafka"),
            // Native libraries of the compressors are unpacked and run here.
            pod::mount("tmp", "/tmp"),
        ]),
        ..Container::default()
    };
    let volumes = vec![
        pod::config_volume("config", &names.of(COMPONENT)),
        certificate::volume(stack, COMPONENT),
        authority.volume(),
        pod::in_memory("run", "1Mi"),
        pod::scratch("tmp", "256Mi"),
    ];
    let mut spec = pod::spec(stack, USER, container, volumes);
    spec.termination_grace_period_seconds = Some(60);
    stack.placement(COMPONENT).place(&mut spec);
    let hash = crate::stack::plan::digest(&(config_map::files_digest(config), credentials));
    let template = pod::template(names.labels(COMPONENT), Some(hash), spec);
    let nodes = managed.nodes;
    stateful_set::stateful_set(
        stack,
        COMPONENT,
        nodes,
        &names.child(NODES),
        &volume(managed),
        existing,
        template,
    )
}

/// The sizes of its claims.
pub fn claims(
    stack: &ValidStack,
    managed: &ManagedKafka,
    existing: Option<&Workload>,
) -> Vec<PersistentVolumeClaim> {
    stateful_set::claims(stack, COMPONENT, managed.nodes, &volume(managed), existing)
}
