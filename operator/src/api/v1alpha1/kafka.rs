//! Kafka, as a stack asks for it.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{Resources, Storage};

/// Where events go. Exactly one of `managed` is set.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.managed)")
    .message("kafka needs exactly one kind; set kafka.managed, {} is enough"))]
#[x_kube(validation = Rule::new("has(self.managed) == has(oldSelf.managed)")
    .message("the kind of Kafka can't change: events don't move by themselves; make a new stack"))]
pub struct Kafka {
    /// A Kafka that the operator runs in the stack's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedKafka>,

    /// Put before the name of each topic and consumer group. It can't change, since consumers would lose their place.
    #[serde(default)]
    #[schemars(length(max = 80), regex(pattern = "^[a-zA-Z0-9._-]*$"))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("prefix can't change: topics under another prefix are other topics; make a new stack"))]
    pub prefix: String,

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
}

impl Default for ManagedKafka {
    fn default() -> Self {
        Self { nodes: one(), storage: Storage::default(), resources: Resources::default() }
    }
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
    /// Number of copies; at most the number of nodes.
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

fn one() -> i32 {
    1
}
