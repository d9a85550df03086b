//! What the operator writes and reads of Strimzi's objects. The types are Strimzi's (`kafka.strimzi.io/v1`, of 1.0 or newer), and
//! need not be in the cluster.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::SecretKeySelector;
use kube::CustomResource;
use serde::{Deserialize, Serialize};

/// A topic.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "KafkaTopic",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct KafkaTopicSpec {
    /// Its name in Kafka.
    pub topic_name: String,
    /// How many partitions.
    pub partitions: i32,
    /// How many copies; the cluster's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Settings by Kafka's names.
    pub config: BTreeMap<String, String>,
}

/// A user.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "KafkaUser",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
pub struct KafkaUserSpec {
    /// How it says who it is.
    pub authentication: Authentication,
    /// What it may do.
    pub authorization: Authorization,
}

/// How a user says who it is.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Authentication {
    /// The mechanism.
    #[serde(rename = "type")]
    pub mechanism: String,
    /// Its password.
    pub password: Password,
}

/// A password of ours.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Password {
    /// Where it is.
    pub value_from: ValueFrom,
}

/// Where something is.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ValueFrom {
    /// In a Secret.
    pub secret_key_ref: SecretKeySelector,
}

/// What a user may do.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Authorization {
    /// By what it is said.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is allowed.
    pub acls: Vec<Acl>,
}

/// Something that is allowed.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Acl {
    /// On what.
    pub resource: AclResource,
    /// To do what.
    pub operations: Vec<String>,
}

/// A topic or a group.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AclResource {
    /// Which of both.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// That it is just this one.
    pub pattern_type: String,
}

/// A Kafka, as far as it is looked at.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "Kafka",
    plural = "kafkas",
    namespaced,
    schema = "disabled",
    status = "StrimziStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct KafkaSpec {
    /// The brokers.
    pub kafka: Brokers,
    /// What looks after topics and users.
    pub entity_operator: Option<EntityOperator>,
}

/// The brokers.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default)]
pub struct Brokers {
    /// Where they can be reached.
    pub listeners: Vec<Listener>,
    /// Who decides what a user may do.
    pub authorization: Option<Typed>,
}

/// Where brokers can be reached.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default)]
pub struct Listener {
    /// The port.
    pub port: i32,
    /// From where.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is encrypted.
    pub tls: bool,
    /// How clients say who they are.
    pub authentication: Option<Typed>,
}

/// Something of which only the kind is looked at.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default)]
pub struct Typed {
    /// Which one.
    #[serde(rename = "type")]
    pub kind: String,
}

/// What looks after topics and users.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct EntityOperator {
    /// After topics.
    pub topic_operator: Option<serde_json::Value>,
    /// After users.
    pub user_operator: Option<serde_json::Value>,
}

/// How an object gets on.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct StrimziStatus {
    /// `Ready` or `NotReady`, and others.
    pub conditions: Vec<StrimziCondition>,
    /// The generation that this is told of.
    pub observed_generation: Option<i64>,
}

/// A condition. Unlike Kubernetes' own, it may lack all but its type.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default)]
pub struct StrimziCondition {
    /// What holds or doesn't.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True` where it does.
    pub status: String,
    /// Why.
    pub message: Option<String>,
}
