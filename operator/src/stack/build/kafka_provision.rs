//! The Job that makes topics, users and rights, with Kafka's own tools; where they are given, it looks whether they are there.

use std::fmt::Write;

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVar};

use super::{
    authority::Authority,
    config_map,
    job::{self, HashedJob},
    kafka,
    login::{self, Reference},
    pod, secrets,
};
use crate::{
    api::v1alpha1::Resources,
    stack::{
        component::{Component, Service},
        observed::Observed,
        source::{ForeignKafka, ForeignLogin, Source},
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
        let replicas = topic.replicas.map_or_else(|| "-".to_owned(), |replicas| replicas.to_string());
        let _ = write!(text, "{}{} {} {replicas}", stack.prefix, topic.name, topic.partitions);
        for (key, value) in &topic.config {
            let _ = write!(text, " {key}={value}");
        }
        text.push('\n');
    }
    text
}

/// A line per call of the tool, after the service: each may write its own topics, and read its own with its own group.
fn acls(stack: &ValidStack) -> String {
    let mut text = String::new();
    for service in Service::ALL {
        let name = service.as_str();
        let _ = write!(text, "{name} --operation Write");
        for topic in stack.topics.iter().filter(|topic| topic.writer == service) {
            let _ = write!(text, " --topic {}{}", stack.prefix, topic.name);
        }
        let _ = write!(text, "\n{name} --operation Read");
        for topic in stack.topics.iter().filter(|topic| topic.readers.contains(&service)) {
            let _ = write!(text, " --topic {}{}", stack.prefix, topic.name);
        }
        let _ = writeln!(text, " --group {}tracklore-{name}", stack.prefix);
    }
    text
}

/// The Secrets that the Job sets or uses.
pub fn secrets_used(stack: &ValidStack) -> Vec<String> {
    let mut used: Vec<_> =
        Service::ALL.into_iter().filter_map(|service| secrets::kafka_login(stack, service)).collect();
    if let Some(external) = stack.kafka.external() {
        used.extend(external.login.iter().filter_map(|login| Some(login.admin.as_ref()?.name.clone())));
        used.extend(Authority::kafka(stack).map(|authority| authority.secret()));
    }
    used
}

/// What the Job is told of a Kafka that is there.
fn foreign(external: &ForeignKafka) -> Vec<EnvVar> {
    let make = match &external.login {
        None => "topics",
        Some(ForeignLogin { admin: Some(_), users: None, .. }) => "topics users acls",
        Some(ForeignLogin { admin: Some(_), .. }) => "topics acls",
        Some(_) => "",
    };
    let mut env = vec![pod::env("MAKE", make)];
    if let Some(login) = &external.login {
        env.push(pod::env("MECHANISM", login.mechanism.as_str()));
        if let Some(admin) = &login.admin {
            env.push(pod::secret_env("ADMIN_USERNAME", &admin.name, "username"));
            env.push(pod::secret_env("ADMIN_PASSWORD", &admin.name, "password"));
        }
    }
    env
}

/// Who uses Kafka: a name for each login, the service's or that of its second user, and where it is.
fn logins(stack: &ValidStack, observed: &Observed) -> Vec<(String, Reference)> {
    let of = |service: Service| {
        let all = secrets::kafka_login(stack, service).map(|secret| Reference::all(observed, &secret));
        all.into_iter().flatten().map(move |login| (login.turn.role(service.as_str()), login))
    };
    Service::ALL.into_iter().flat_map(of).collect()
}

/// Users whose turn it isn't, each after its service. An earlier turn, or an earlier stack, may have left them in Kafka.
fn resting(stack: &ValidStack, observed: &Observed) -> Vec<String> {
    let of = |service: Service| {
        let turn = login::resting(observed, &secrets::kafka(&stack.names, service))?;
        Some(format!("{}={}", service.as_str(), secrets::kafka_user(stack, service, turn)?))
    };
    Service::ALL.into_iter().filter_map(of).collect()
}

/// The Job. `credentials` is a hash of the passwords that it sets or uses.
pub fn job(stack: &ValidStack, observed: &Observed, config: &ConfigMap, credentials: &str) -> HashedJob {
    let names = &stack.names;
    let logins = logins(stack, observed);
    let users: Vec<_> = logins.iter().map(|(name, _)| name.as_str()).collect();
    let authority = Authority::kafka(stack);
    let mut env = vec![
        pod::env("BOOTSTRAP", kafka::bootstrap(stack)),
        pod::env("PROTOCOL", kafka::protocol(stack).to_uppercase()),
        pod::env("USERS", users.join(" ")),
    ];
    env.extend(authority.as_ref().map(|authority| pod::env("AUTHORITY", authority.path())));
    match &stack.kafka {
        Source::Managed(_) => {
            env.push(pod::secret_env("ADMIN_PASSWORD", secrets::kafka_admin(names), "password"));
        }
        Source::External(external) => env.extend(foreign(external)),
    }
    env.extend(logins.iter().flat_map(|(name, login)| {
        ["USERNAME", "PASSWORD"].map(|part| login.env(&format!("{part}_{name}"), &part.to_lowercase()))
    }));
    env.push(pod::env("RESTING", resting(stack, observed).join(" ")));
    let mut mounts = vec![
        pod::read_only("config", "/etc/tracklore"),
        pod::mount("run", "/run/kafka"),
        pod::mount("tmp", "/tmp"),
    ];
    mounts.extend(authority.iter().map(Authority::mount));
    let container = Container {
        name: "kafka-tools".into(),
        image: Some(stack.images.kafka.clone()),
        command: Some(pod::words(&["sh", "/etc/tracklore/provision.sh"])),
        env: Some(env),
        resources: Some(pod::resources(&Resources::default(), ("100m", "128Mi"), "640Mi")),
        volume_mounts: Some(mounts),
        ..Container::default()
    };
    let mut volumes = vec![
        pod::config_volume("config", &names.child(PURPOSE)),
        pod::in_memory("run", "4Mi"),
        pod::scratch("tmp", "256Mi"),
    ];
    volumes.extend(authority.iter().map(Authority::volume));
    let spec = pod::spec(stack, kafka::USER, container, volumes);
    job::job(stack, COMPONENT, PURPOSE, &[&config_map::files_digest(config), credentials], 900, spec)
}
