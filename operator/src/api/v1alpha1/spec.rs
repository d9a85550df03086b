//! The resource itself, and the parts of its spec that belong to no single dependency.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Amount, Gateway, Kafka, Mail, Observability, Postgres, Redis, SecretRef, Security, TrackloreStackStatus,
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
    )
)]
#[serde(rename_all = "camelCase")]
pub struct TrackloreStackSpec {
    /// Version of Tracklore to run, for example `0.1.0`. The operator knows the images that belong to each version;
    /// `Stalled` says which versions it knows when this isn't one of them.
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

    /// What the stack tells of itself, and to whom.
    #[serde(default)]
    pub observability: Observability,
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

/// Where images come from.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Images {
    /// Host of a mirror that is used instead of each image's own registry host, for example `registry.example.org` or
    /// `registry.example.org/mirror`. The rest of each image's name stays as it is. Overrides aren't changed by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), regex(pattern = r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$"))]
    pub registry: Option<String>,

    /// Secrets of type `kubernetes.io/dockerconfigjson` in the stack's namespace, for registries that want a login.
    #[serde(default)]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub pull_secrets: Vec<PullSecret>,

    /// Images to use for the dependencies instead of those of the version.
    #[serde(default)]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub overrides: Vec<ImageOverride>,
}

/// A Secret for pulling images.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PullSecret {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Another image for a dependency.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ImageOverride {
    /// The dependency.
    pub name: ReplaceableImage,
    /// The image, with its tag or digest.
    #[schemars(length(min = 1, max = 300))]
    pub image: String,
}

/// The dependencies whose image can be replaced.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum ReplaceableImage {
    /// The database.
    Postgres,
    /// The event log.
    Kafka,
    /// The feed store.
    Redis,
    /// The gateway.
    Traefik,
}

/// Settings of each service.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Services {
    /// Accounts, sessions and tokens.
    #[serde(default)]
    pub auth: ServiceSettings,
    /// Profiles, badges, goals and follows.
    #[serde(default)]
    pub user: ServiceSettings,
    /// Posts.
    #[serde(default)]
    pub posts: ServiceSettings,
    /// Feeds, read from Redis.
    #[serde(default)]
    pub feed: ServiceSettings,
}

/// Settings of one service.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSettings {
    /// Number of pods.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 100))]
    pub replicas: i32,

    /// Image to run instead of the version's, with its tag or digest. Migrations run from the same image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 300))]
    pub image: Option<String>,

    /// CPU and memory of each pod. What is left out keeps the operator's value.
    #[serde(default)]
    pub resources: Resources,

    /// Further environment variables, such as `TRACKLORE_LOG`. Those that the operator sets itself can't be changed here.
    #[serde(default)]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVar>,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self { replicas: one(), image: None, resources: Resources::default(), env: Vec::new() }
    }
}

/// An environment variable.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Name of the variable.
    #[schemars(length(max = 128), regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub name: String,
    /// Its value. It isn't secret: whoever may read the stack may read it.
    #[schemars(length(max = 4096))]
    pub value: String,
}

/// CPU and memory of a container.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What the scheduler sets aside.
    #[serde(default)]
    pub requests: ResourceAmounts,
    /// What the container may not exceed. There is no limit of CPU unless one is set.
    #[serde(default)]
    pub limits: ResourceAmounts,
}

/// An amount of each resource.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ResourceAmounts {
    /// Processor time, for example `250m` or `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Amount>,
    /// Memory, for example `256Mi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Amount>,
}

/// A volume that outlives its pod.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0")
    .message("storage can't shrink: volumes only grow; give the old size or a greater one"))]
#[x_kube(validation = Rule::new("has(self.className) == has(oldSelf.className) && (!has(self.className) || self.className == oldSelf.className)")
    .message("className can't change: a volume stays in the class it was made in"))]
pub struct Storage {
    /// Size of the volume. It can grow where its class allows it, and never shrinks.
    #[serde(default = "ten_gibibytes")]
    pub size: Amount,
    /// Storage class; the cluster's default when absent. It can't change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
}

impl Default for Storage {
    fn default() -> Self {
        Self { size: ten_gibibytes(), class_name: None }
    }
}

/// How people sign up and how long their tokens live.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// Whether an e-mail address must be confirmed before its account can be used. `Required` needs `mail.smtp`.
    #[serde(default)]
    pub email_verification: EmailVerification,

    /// How long an access token is valid, for example `5m`. Shorter is safer, longer spares refreshes.
    #[serde(default = "five_minutes")]
    #[schemars(length(max = 16))]
    #[x_kube(validation = Rule::new(
        "self.matches('^([0-9]+[hms])+$') && duration(self) >= duration('30s') && duration(self) <= duration('1h')"
    ).message("accessTokenTtl must be between 30s and 1h, written like 5m or 90s"))]
    pub access_token_ttl: String,

    /// Origins of web applications that may call the APIs from a browser, for example `https://app.example.org`.
    #[serde(default)]
    #[schemars(
        length(max = 50),
        inner(length(max = 260), regex(pattern = r"^https?://[a-z0-9.-]+(:[0-9]+)?$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub allowed_origins: Vec<String>,

    /// Secret in the stack's namespace with the keys `username`, `email` and `password`: an account that is made at the first
    /// start and may administer users. It isn't needed any more once others may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_administrator: Option<SecretRef>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            email_verification: EmailVerification::default(),
            access_token_ttl: five_minutes(),
            allowed_origins: Vec::new(),
            first_administrator: None,
        }
    }
}

/// Whether addresses are confirmed.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmailVerification {
    /// An account can be used once its address is confirmed.
    #[default]
    Required,
    /// An account can be used at once.
    Optional,
}

fn one() -> i32 {
    1
}

fn ten_gibibytes() -> Amount {
    Amount::new("10Gi")
}

fn five_minutes() -> String {
    "5m".into()
}
