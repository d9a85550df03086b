//! What Strimzi is asked for: the same topics, users and rights that `provision/kafka.sh` makes elsewhere.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::SecretKeySelector, apimachinery::pkg::apis::meta::v1::ObjectMeta};

use super::{
    login::Reference,
    pod::{self, owner},
    secrets,
};
use crate::{
    api::{
        strimzi::{
            Acl, AclResource, Authentication, Authorization, KafkaTopic, KafkaTopicSpec, KafkaUser,
            KafkaUserSpec, Password, ValueFrom,
        },
        v1alpha1::DeletionPolicy,
    },
    stack::{
        component::{Component, Service},
        logins::Turn,
        observed::{ChildId, Kind, Observed},
        plan::Child,
        topics::Topic,
        validate::ValidStack,
    },
};

/// The label that says to which `Kafka` an object or a pod belongs.
const CLUSTER: &str = "strimzi.io/cluster";

/// The labels of a `Kafka`'s brokers.
pub fn brokers(cluster: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (CLUSTER.to_owned(), cluster.to_owned()),
        ("strimzi.io/kind".to_owned(), "Kafka".to_owned()),
    ])
}

/// The topics, and who uses them.
pub fn topics_and_users(stack: &ValidStack, observed: &Observed, cluster: &str) -> Vec<Child> {
    let topics = stack.topics.iter().map(|asked| Child::from(topic(stack, cluster, asked)));
    let users = Service::ALL.into_iter().flat_map(|service| users(stack, observed, cluster, service));
    topics.chain(users.map(Child::from)).collect()
}

/// The users that take turns as a service. One whose turn it isn't stays, with the password of the other and without rights: a
/// broker of Kafka 4.3 that starts after a user was taken away may forget all users.
fn users(stack: &ValidStack, observed: &Observed, cluster: &str, service: Service) -> Vec<KafkaUser> {
    let logins = Reference::all(observed, &secrets::kafka(&stack.names, service));
    let user = |turn: Turn| {
        let name = secrets::kafka_user(stack, service, turn)?;
        if let Some(login) = logins.iter().find(|login| login.turn == turn) {
            return Some(user(stack, cluster, &name, login, acls(stack, service)));
        }
        let is_there = observed.seen.contains_key(&ChildId { kind: Kind::KafkaUser, name: name.clone() });
        let other = logins.first().filter(|_| is_there)?;
        Some(user(stack, cluster, &name, other, Vec::new()))
    };
    Turn::BOTH.into_iter().filter_map(user).collect()
}

fn topic(stack: &ValidStack, cluster: &str, asked: &Topic) -> KafkaTopic {
    // It may be there from an earlier stack: one in another Kafka has another name.
    let name = stack.names.child(&format!("{cluster}-{}", asked.name));
    let mut metadata = metadata(stack, cluster, &name);
    // A topic goes with its object, so that by default it outlives its stack.
    metadata.owner_references = (stack.deletion_policy == DeletionPolicy::Delete).then(|| vec![owner(stack)]);
    KafkaTopic {
        metadata,
        spec: KafkaTopicSpec {
            topic_name: format!("{}{}", stack.prefix, asked.name),
            partitions: asked.partitions,
            replicas: asked.replicas,
            config: asked.config.clone(),
        },
    }
}

/// A service may write its own topics, and read its own with its own group, by whichever login.
fn acls(stack: &ValidStack, service: Service) -> Vec<Acl> {
    let written = stack.topics.iter().filter(|topic| topic.writer == service);
    let read = stack.topics.iter().filter(|topic| topic.readers.contains(&service));
    let name = |topic: &Topic| format!("{}{}", stack.prefix, topic.name);
    let mut acls: Vec<_> = written.map(|topic| may("Write", "topic", name(topic))).collect();
    acls.extend(read.map(|topic| may("Read", "topic", name(topic))));
    acls.push(may("Read", "group", format!("{}tracklore-{}", stack.prefix, service.as_str())));
    acls
}

fn user(stack: &ValidStack, cluster: &str, name: &str, login: &Reference, acls: Vec<Acl>) -> KafkaUser {
    KafkaUser {
        metadata: metadata(stack, cluster, name),
        spec: KafkaUserSpec {
            authentication: Authentication {
                mechanism: "scram-sha-512".into(),
                password: Password {
                    value_from: ValueFrom {
                        secret_key_ref: SecretKeySelector {
                            name: login.secret.clone(),
                            key: login.turn.name("password"),
                            optional: None,
                        },
                    },
                },
            },
            authorization: Authorization { kind: "simple".into(), acls },
        },
    }
}

fn may(operation: &str, kind: &str, name: String) -> Acl {
    Acl {
        resource: AclResource { kind: kind.to_owned(), name, pattern_type: "literal".into() },
        operations: vec![operation.to_owned()],
    }
}

fn metadata(stack: &ValidStack, cluster: &str, name: &str) -> ObjectMeta {
    let mut metadata = pod::metadata(stack, name, Component::Kafka);
    metadata.labels.get_or_insert_default().insert(CLUSTER.to_owned(), cluster.to_owned());
    metadata
}
