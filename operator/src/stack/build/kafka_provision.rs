//! The Job that makes topics, users and rights, with Kafka's own tools.

use std::fmt::Write;

use k8s_openapi::api::core::v1::{ConfigMap, Container};

use super::{
    config_map,
    job::{self, HashedJob},
    kafka, pod, secrets,
};
use crate::{
    api::v1alpha1::Resources,
    stack::{
        component::{Component, Service},
        validate::ValidStack,
    },
};

const COMPONENT: Component = Component::Kafka;
const PURPOSE: &str = "kafka-provision";

/// The script, and the topics and rights it makes.
pub fn config(stack: &ValidStack) -> ConfigMap {
    config_map::config_map(
        stack,
        &stack.names.child(PURPOSE),
        COMPONENT,
        [
            ("provision.sh", include_str!("provision/kafka.sh").to_owned()),
            ("topics", topics(stack)),
            ("acls", acls(stack)),
        ],
    )
}

/// A line per topic: name, partitions, replicas, settings.
fn topics(stack: &ValidStack) -> String {
    let mut text = String::new();
    for topic in &stack.topics {
        // Writing to a String can't fail.
        let _ = write!(text, "{}{} {} {}", stack.prefix, topic.name, topic.partitions, topic.replicas);
        for (key, value) in &topic.config {
            let _ = write!(text, " {key}={value}");
        }
        text.push('\n');
    }
    text
}

/// A line per call of the tool: each service may write its own topics, and read its own with its own group.
fn acls(stack: &ValidStack) -> String {
    let mut text = String::new();
    for service in Service::ALL {
        let name = service.as_str();
        let _ = write!(text, "--allow-principal User:{name} --operation Write");
        for topic in stack.topics.iter().filter(|topic| topic.writer == service) {
            let _ = write!(text, " --topic {}{}", stack.prefix, topic.name);
        }
        let _ = write!(text, "\n--allow-principal User:{name} --operation Read");
        for topic in stack.topics.iter().filter(|topic| topic.readers.contains(&service)) {
            let _ = write!(text, " --topic {}{}", stack.prefix, topic.name);
        }
        let _ = writeln!(text, " --group {}tracklore-{name}", stack.prefix);
    }
    text
}

/// The Job. `credentials` is a hash of the passwords that it sets.
pub fn job(stack: &ValidStack, config: &ConfigMap, credentials: &str) -> HashedJob {
    let names = &stack.names;
    let users: Vec<_> = Service::ALL.into_iter().map(Service::as_str).collect();
    let mut env = vec![
        pod::env("BOOTSTRAP", kafka::bootstrap(stack)),
        pod::env("USERS", users.join(" ")),
        pod::secret_env("ADMIN_PASSWORD", secrets::kafka_admin(names), "password"),
    ];
    env.extend(Service::ALL.into_iter().map(|service| {
        pod::secret_env(&format!("PASSWORD_{}", service.as_str()), secrets::kafka(names, service), "password")
    }));
    let container = Container {
        name: "kafka-tools".into(),
        image: Some(stack.images.kafka.clone()),
        command: Some(pod::words(&["sh", "/etc/tracklore/provision.sh"])),
        env: Some(env),
        resources: Some(pod::resources(&Resources::default(), ("100m", "128Mi"), "640Mi")),
        volume_mounts: Some(vec![
            pod::read_only("config", "/etc/tracklore"),
            pod::mount("run", "/run/kafka"),
            pod::mount("tmp", "/tmp"),
        ]),
        ..Container::default()
    };
    let volumes = vec![
        pod::config_volume("config", &names.child(PURPOSE)),
        pod::in_memory("run", "4Mi"),
        pod::scratch("tmp", "256Mi"),
    ];
    let spec = pod::spec(stack, kafka::USER, container, volumes);
    job::job(stack, COMPONENT, PURPOSE, &[&config_map::files_digest(config), credentials], 900, spec)
}
