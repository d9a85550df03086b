//! Kafka, as a stack asks for it.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Resources, Scheduling, SecretRef, Storage, Tls};

/// Where events go. Exactly one of `managed`, `strimzi` and `external` is set.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.managed), has(self.strimzi), has(self.external)].filter(set, set).size() == 1")
    .message("kafka needs exactly one kind; set kafka.managed, {} is enough, kafka.strimzi or kafka.external"))]
#[x_kube(validation = Rule::new("has(self.managed) == has(oldSelf.managed) && has(self.external) == has(oldSelf.external)")
    .message("the kind of Kafka can't change: events don't move by themselves; make a new stack"))]
#[x_kube(validation = Rule::new("!has(self.strimzi) || !has(self.prefix) || self.prefix != ''")
    .message("prefix can't be empty with strimzi, whose Kafka others may use; leave it out, or give one"))]
#[x_kube(validation = Rule::new("has(self.prefix) == has(oldSelf.prefix) ? (!has(self.prefix) || self.prefix == oldSelf.prefix) : (has(self.managed) && (!has(self.prefix) || self.prefix == '') && (!has(oldSelf.prefix) || oldSelf.prefix == ''))")
    .message("prefix can't change: topics under another prefix are other topics; make a new stack"))]
#[x_kube(validation = Rule::new("oldSelf.topics.all(old, !has(old.partitions) || self.topics.exists(topic, topic.name == old.name && has(topic.partitions) && topic.partitions >= old.partitions))")
    .message("partitions can't shrink, and a topic that names them stays in the list: Kafka only adds partitions; give the old number or a greater one"))]
pub struct Kafka {
    /// A Kafka that the operator runs in the stack's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedKafka>,

    /// A Kafka that Strimzi runs in the stack's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strimzi: Option<Strimzi>,

    /// A Kafka that is there already: version 3.7 or newer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalKafka>,

    /// Put before the name of each topic and consumer group. When absent it is nothing with `managed`, and
    /// `<namespace>.<name>.` with `strimzi` and `external`, which others may use too. It can't change, since consumers would lose their place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 120), regex(pattern = "^[a-zA-Z0-9._-]*$"))]
    pub prefix: Option<String>,

    /// Changes to the topics that Tracklore uses. Topics not listed keep their values.
    #[serde(default)]
    #[schemars(length(max = 30))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub topics: Vec<TopicOverride>,
}

/// A Kafka that the operator runs: KRaft, each node both broker and controller.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ManagedKafka {
    /// Number of nodes: 1, or 3 to survive the loss of one. It can't change.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 3))]
    #[x_kube(validation = Rule::new("self == 1 || self == 3")
        .message("nodes must be 1 or 3: an even number can lose no more nodes than the odd one below it"))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("nodes can't change: the nodes that vote are fixed when the cluster is made; make a new stack"))]
    pub nodes: i32,
    /// The volume of each node.
    #[serde(default)]
    pub storage: Storage,
    /// CPU and memory of each node. What is left out keeps the operator's value.
    #[serde(default)]
    pub resources: Resources,
    /// Where its pods run, and those of its Jobs.
    #[serde(default)]
    pub scheduling: Scheduling,
}

impl Default for ManagedKafka {
    fn default() -> Self {
        Self {
            nodes: one(),
            storage: Storage::default(),
            resources: Resources::default(),
            scheduling: Scheduling::default(),
        }
    }
}

/// A Kafka that Strimzi runs, of version 1.0 or newer. Topics and users are Strimzi's objects, too. Its `Kafka` needs an internal
/// listener with TLS and SCRAM-SHA-512, the authorization `simple`, and an entity operator for topics and users. Where it has
/// the annotation `tracklore.io/allowed-stacks`, only stacks whose names are in it, separated by commas, may use it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Strimzi {
    /// The `Kafka`, in the stack's namespace.
    pub cluster_ref: KafkaRef,
    /// The port of the listener.
    #[serde(default = "encrypted")]
    #[schemars(range(min = 9092, max = 65535))]
    pub port: i32,
}

/// A `Kafka` of Strimzi.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct KafkaRef {
    /// Its name. It can't change.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("the Kafka can't change: events don't move by themselves; make a new stack"))]
    pub name: String,
}

/// A Kafka that is there already.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExternalKafka {
    /// Where clients begin, for example `kafka.example.org:9093`. All brokers must be reached at one of these ports.
    #[schemars(
        length(min = 1, max = 20),
        inner(length(max = 260), regex(pattern = r"^[A-Za-z0-9.-]+:[0-9]{1,5}$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub bootstrap_servers: Vec<String>,
    /// How connections are protected.
    pub tls: Tls,
    /// How clients say who they are. Without it everybody may do everything, and a Job makes the topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl: Option<Sasl>,
}

/// How clients of Kafka say who they are, and who makes what they need.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.admin) || has(self.users)")
    .message("kafka.external.sasl needs admin (a Job makes what is missing), users (they are there), or both"))]
#[x_kube(validation = Rule::new("has(self.users) || self.mechanism != 'PLAIN'")
    .message("users of the mechanism PLAIN can't be made by a Job; set kafka.external.sasl.users"))]
pub struct Sasl {
    /// The mechanism.
    #[serde(default)]
    pub mechanism: SaslMechanism,
    /// Who may make topics, ACLs and users. With it, a Job makes the topics and ACLs, and the users where none are given.
    /// Without it, topics and ACLs are expected, and a Job looks whether the users find them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<KafkaLogin>,
    /// The services' users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<KafkaUsers>,
}

/// A SASL mechanism.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaslMechanism {
    /// SCRAM with SHA-512.
    #[default]
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// SCRAM with SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// The password itself; only over TLS.
    #[serde(rename = "PLAIN")]
    Plain,
}

impl SaslMechanism {
    /// Its name in Kafka.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
        }
    }
}

/// A user of Kafka.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct KafkaLogin {
    /// Secret in the stack's namespace with the keys `username` and `password`.
    pub secret_ref: SecretRef,
}

/// A user of Kafka for each service.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct KafkaUsers {
    /// Of auth.
    pub auth: KafkaLogin,
    /// Of user.
    pub user: KafkaLogin,
    /// Of posts.
    pub posts: KafkaLogin,
    /// Of feed.
    pub feed: KafkaLogin,
}

/// A change to a topic.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TopicOverride {
    /// Name without the prefix, for example `posts-events` or `posts-events.feed.dlq`.
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    /// Number of partitions. It can grow, and never shrinks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub partitions: Option<i32>,
    /// Number of copies; at most the number of nodes. With `strimzi` and `external`, the cluster's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3))]
    pub replicas: Option<i32>,
    /// How long events are kept, for example `7d` or `12h`. Compacted topics keep the last event of each key for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = "^[0-9]+[smhd]$"))]
    pub retention: Option<String>,
    /// Further settings of the topic, by Kafka's names, for example `max.message.bytes: "2000000"`.
    #[serde(default)]
    #[schemars(length(max = 30))]
    pub config: BTreeMap<String, String>,
}

fn encrypted() -> i32 {
    9093
}

fn one() -> i32 {
    1
}
