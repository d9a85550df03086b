//! Backups of a stack, and a stack that begins with one.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretRef;

/// Copies of the databases and of the Secrets that open what is in them, made again and again. For `postgres.managed`; other
/// servers have ways of their own.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// When copies are made, as cron writes it and in UTC: `0 3 * * *` is each night at three.
    #[schemars(
        length(min = 1, max = 100),
        regex(pattern = r"^(@(hourly|daily|weekly|monthly)|[^@ ]+( [^ ]+){4})$")
    )]
    pub schedule: String,
    /// How many copies stay; older ones are removed when another one has been kept.
    #[serde(default = "fourteen")]
    #[schemars(range(min = 1, max = 1000))]
    pub keep: i32,
    /// Where copies are kept, in a folder `<namespace>/<stack>`.
    pub target: Shelf,
    /// Secret in the stack's namespace whose key `key` the stack's own Secrets are sealed with in a copy: at least 32 bytes of
    /// text, for example of `openssl rand -base64 32`. Keep it elsewhere, too: without it, copies restore no sessions.
    pub key_secret_ref: SecretRef,
}

/// The copy that a new stack begins with. It can be set only when the stack is made, and be removed later.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Restore {
    /// Where copies are kept.
    pub source: Shelf,
    /// Whose copy it is; that of a stack of the same name and namespace when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<StackRef>,
    /// Name of the copy, such as `20261122T030000Z`, or `latest`.
    #[serde(default = "latest")]
    #[schemars(length(max = 16), regex(pattern = r"^(latest|[0-9]{8}T[0-9]{6}Z)$"))]
    pub copy: String,
    /// Secret in the stack's namespace whose key `key` the copy was sealed with.
    pub key_secret_ref: SecretRef,
}

/// A stack, here or elsewhere.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct StackRef {
    /// Its name.
    #[schemars(length(min = 1, max = 40))]
    pub name: String,
    /// Its namespace; the same as this stack's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

/// Where copies are kept. Exactly one member is set.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.s3) != has(self.claim)")
    .message("copies are kept in exactly one place; set either s3 or claim"))]
pub struct Shelf {
    /// A bucket of an S3 server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3: Option<Bucket>,
    /// A volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimRef>,
}

/// A bucket of an S3 server.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// Address of the server, for example `https://minio.example.org:9000`; that of AWS in the region when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[a-zA-Z0-9.-]+(:[0-9]+)?$')")
        .message("endpoint must be an origin such as https://minio.example.org:9000, without a path or a slash at the end"))]
    pub endpoint: Option<String>,
    /// Region of the bucket.
    #[serde(default = "us_east_1")]
    #[schemars(length(min = 1, max = 63))]
    pub region: String,
    /// The bucket. It has to be there.
    #[schemars(length(min = 3, max = 63), regex(pattern = "^[a-z0-9][a-z0-9.-]*[a-z0-9]$"))]
    pub bucket: String,
    /// Folder of the bucket that copies are kept under.
    #[serde(default)]
    #[schemars(length(max = 200), regex(pattern = "^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?$"))]
    pub prefix: String,
    /// Secret in the stack's namespace with the keys `access-key-id` and `secret-access-key`: somebody who may list, read, write
    /// and delete under the prefix.
    pub secret_ref: SecretRef,
    /// Secret in the stack's namespace whose key `ca.crt` holds the certificates, in PEM, of who signs the server's; public ones
    /// when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretRef>,
}

impl Bucket {
    /// The port of the server.
    pub fn port(&self) -> i32 {
        let Some(endpoint) = &self.endpoint else { return 443 };
        let (scheme, rest) = endpoint.split_once("://").unwrap_or(("https", endpoint));
        let given = rest.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        given.unwrap_or(if scheme == "http" { 80 } else { 443 })
    }
}

/// A claim in the stack's namespace.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ClaimRef {
    /// Name of the claim. You make it; nothing ever deletes it.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

fn fourteen() -> i32 {
    14
}

fn latest() -> String {
    "latest".into()
}

fn us_east_1() -> String {
    "us-east-1".into()
}
