//! How connections to servers outside the stack are protected.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretRef;

/// How a connection is protected.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.mode == 'Disabled' || has(self.caSecretRef)")
    .message("tls needs caSecretRef, a Secret whose key ca.crt holds who signs the server's certificate; set mode: Disabled only where nobody can listen"))]
pub struct Tls {
    /// Whether the connection is encrypted.
    #[serde(default)]
    pub mode: TlsMode,
    /// Secret in the stack's namespace whose key `ca.crt` holds the certificates, in PEM, of who signs the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretRef>,
}

impl Tls {
    /// The Secret with who signs the server's certificate, where there is one to check.
    pub fn authority(&self) -> Option<&SecretRef> {
        self.ca_secret_ref.as_ref().filter(|_| self.mode == TlsMode::Required)
    }
}

/// Whether a connection is encrypted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// Encrypted, and the server's certificate and host name are checked.
    #[default]
    Required,
    /// In the clear.
    Disabled,
}
