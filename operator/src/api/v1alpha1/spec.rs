//! The resource itself, and the parts of its spec that belong to no single dependency.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Auth, Backup, Gateway, Images, Kafka, Mail, Observability, Postgres, Redis, Restore, Rollout, Security,
    Services, TrackloreStackStatus,
};

/// What a `TrackloreStack` asks for.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "tracklore.io",
    version = "v1alpha1",
    kind = "TrackloreStack",
    namespaced,
    doc = "A Tracklore system in one namespace: the services auth, user, posts and feed, the Postgres, Kafka and Redis they \
           keep their data in, and the gateway in front of them.",
    status = "TrackloreStackStatus",
    shortname = "tstack",
    category = "tracklore",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether the stack serves"
    ),
    printcolumn(
        name = "Version",
        type_ = "string",
        json_path = ".spec.version",
        description = "The version asked for"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Why the stack is ready or not"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        description = "What is waited for, or what to do",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 40").message(
        "the name has more than 40 characters; names of children such as <name>-postgres-provision-1a2b3c4d must fit into 63"
    ),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message(
        "the name becomes part of host names: use a-z, 0-9 and '-', begin with a letter, end with a letter or digit"
    ),
    validation = Rule::new("!has(self.spec.backup) || has(self.spec.postgres.managed)").message(
        "backup is for postgres.managed; a Postgres that isn't the operator's is backed up by whoever runs it: remove backup"
    ),
    validation = Rule::new("!has(self.spec.restore) || has(self.spec.postgres.managed)").message(
        "restore is for postgres.managed; restore the databases on your server and remove restore"
    ),
    validation = Rule::new("!has(self.spec.restore) || has(oldSelf.spec.restore) && self.spec.restore == oldSelf.spec.restore").message(
        "restore is decided when a stack is made, and can only be removed later: what the stack holds isn't overwritten; make a new stack with it"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct TrackloreStackSpec {
    /// Version of Tracklore to run, for example `0.1.0`. The operator knows the images that belong to each version;
    /// `Stalled` says which versions it knows when this isn't one of them. Minor versions come one at a time: one that is
    /// further from what runs is refused with the version to set first.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$"))]
    pub version: String,

    /// Address under which people reach the stack, for example `https://social.example.org`. It is the issuer of the access
    /// tokens: changing it ends all sessions.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[a-z0-9.-]+(:[0-9]+)?$')").message(
        "publicUrl must be an origin such as https://social.example.org: http or https, a lower-case host, a port where needed, no path and no slash at the end"
    ))]
    pub public_url: String,

    /// What happens to the data when the stack is deleted. `Retain` leaves the claims and the Secrets that open them, and a
    /// stack made again under the same name finds its data. `Delete` leaves nothing.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// While true, the operator writes nothing: neither what the spec asks for, nor what somebody else changed. Conditions
    /// go on telling what is. Deleting the stack still deletes it.
    #[serde(default)]
    pub paused: bool,

    /// While true, services and gateway are scaled to nothing. Postgres, Kafka and Redis go on, and all data stays.
    #[serde(default)]
    pub suspended: bool,

    /// Where images come from.
    #[serde(default)]
    pub images: Images,

    /// Settings of the four services. All are optional.
    #[serde(default)]
    pub services: Services,

    /// The Postgres that holds the databases of auth, user and posts.
    pub postgres: Postgres,

    /// The Kafka that carries the events between the services.
    pub kafka: Kafka,

    /// The Redis that holds the feeds. It can always be rebuilt from Kafka and posts.
    pub redis: Redis,

    /// How people sign up and how long their tokens live.
    #[serde(default)]
    pub auth: Auth,

    /// How mail leaves the stack. Confirming addresses (`auth.emailVerification: Required`) needs it.
    #[serde(default)]
    pub mail: Mail,

    /// How requests reach the services from outside the cluster. Without a member, nothing is exposed.
    #[serde(default)]
    pub gateway: Gateway,

    /// What keeps the stack apart from its neighbours in the cluster.
    #[serde(default)]
    pub security: Security,

    /// How a new version comes.
    #[serde(default)]
    pub rollout: Rollout,

    /// What the stack tells of itself, and to whom.
    #[serde(default)]
    pub observability: Observability,

    /// Copies of the databases, made again and again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,

    /// The copy that a new stack begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore: Option<Restore>,
}

/// What happens to data when its stack goes.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// Data stays.
    #[default]
    Retain,
    /// Data goes with the stack.
    Delete,
}
