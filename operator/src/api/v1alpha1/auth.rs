//! Accounts and tokens, as a stack asks for them.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretRef;

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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        inner(length(max = 260), regex(pattern = r"^https?://[a-z0-9.-]+(:[0-9]+)?$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub allowed_origins: Vec<String>,

    /// The keys that sign access tokens.
    #[serde(default)]
    pub signing_keys: SigningKeys,

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
            signing_keys: SigningKeys::default(),
            first_administrator: None,
        }
    }
}

/// The keys that sign access tokens.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeys {
    /// How old a key may be, in days, for example `90d`. Then the operator adds another one, which signs once everybody knows
    /// it, and takes the old one away when no token of it is valid any more: no token is refused. At once, with
    /// `security.rotation.requestedAt`.
    #[serde(default = "ninety_days")]
    #[schemars(length(max = 5), regex(pattern = r"^[1-9][0-9]{0,3}d$"))]
    pub rotate_after: String,
}

impl Default for SigningKeys {
    fn default() -> Self {
        Self { rotate_after: ninety_days() }
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

fn ninety_days() -> String {
    "90d".into()
}

fn five_minutes() -> String {
    "5m".into()
}
