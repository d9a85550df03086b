//! How mail leaves a stack.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How mail leaves the stack: confirmations of addresses, new passwords, warnings. Without a member, none is sent.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// A mail server that takes mail for delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<Smtp>,
}

/// A mail server.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.tls != 'Disabled' || !has(self.secretRef)")
    .message("a password would travel in the clear; set mail.smtp.tls to Required or Implicit, or leave secretRef out"))]
pub struct Smtp {
    /// Host name, for example `smtp.example.org`.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z0-9.-]+$"))]
    pub host: String,
    /// Port: 587 as a rule, 465 with `Implicit`.
    #[serde(default = "submission")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: SmtpTls,
    /// Secret in the stack's namespace with the keys `username` and `password`, where the server wants a login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// The sender, for example `Tracklore <no-reply@example.org>`.
    #[schemars(length(min = 3, max = 320))]
    pub from: String,
}

/// How a connection to a mail server is protected.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmtpTls {
    /// STARTTLS; without it, nothing is sent.
    #[default]
    Required,
    /// TLS from the first byte.
    Implicit,
    /// None: for a server in the same cluster only.
    Disabled,
}

/// A Secret in the stack's namespace.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

fn submission() -> i32 {
    587
}
