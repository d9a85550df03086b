//! Issues access tokens (RFC 9068) to users and service tokens to the other services.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use tracklore_platform::{
    id::UserId,
    time::Timestamp,
    token::{AccessClaims, SERVICE_AUDIENCE, ServiceClaims, TOKEN_TYPE, USER_AUDIENCE},
};
use uuid::Uuid;

use crate::keys::SigningKeys;

/// The client that browsers and apps are until clients can be told apart.
const WEB_CLIENT: &str = "web";
/// How long a service token is good; its holder asks for the next one before.
const SERVICE_TTL: Duration = Duration::from_mins(5);

/// Signs tokens.
#[derive(Clone)]
pub struct Issuer {
    public_url: String,
    header: Header,
    key: EncodingKey,
    access_ttl: Duration,
}

/// A signed token and its life.
pub struct Issued {
    /// The token in compact form.
    pub token: String,
    /// Seconds until it expires.
    pub expires_in: u64,
}

impl Issuer {
    /// Tokens of the stack at `public_url` by the signing key of `keys`, good for `access_ttl`.
    pub fn new(public_url: impl Into<String>, keys: &SigningKeys, access_ttl: Duration) -> Self {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(keys.kid.clone());
        Self { public_url: public_url.into(), header, key: keys.signing.clone(), access_ttl }
    }

    /// An access token for a user's session that began at `auth_time`.
    pub fn access(
        &self,
        user: UserId,
        session: Uuid,
        auth_time: Timestamp,
        now: Timestamp,
    ) -> Result<Issued, jsonwebtoken::errors::Error> {
        self.sign(
            &AccessClaims {
                iss: self.public_url.clone(),
                aud: USER_AUDIENCE.to_owned(),
                sub: user.to_string(),
                sid: session,
                client_id: WEB_CLIENT.to_owned(),
                scope: String::new(),
                auth_time: auth_time.unix_seconds(),
                iat: now.unix_seconds(),
                exp: now.plus(self.access_ttl).unix_seconds(),
                jti: Uuid::now_v7(),
            },
            self.access_ttl,
        )
    }

    /// A token for one of the other services.
    pub fn service(&self, client: &str, now: Timestamp) -> Result<Issued, jsonwebtoken::errors::Error> {
        self.sign(
            &ServiceClaims {
                iss: self.public_url.clone(),
                aud: SERVICE_AUDIENCE.to_owned(),
                sub: client.to_owned(),
                iat: now.unix_seconds(),
                exp: now.plus(SERVICE_TTL).unix_seconds(),
                jti: Uuid::now_v7(),
            },
            SERVICE_TTL,
        )
    }

    fn sign<C: Serialize>(&self, claims: &C, ttl: Duration) -> Result<Issued, jsonwebtoken::errors::Error> {
        let token = jsonwebtoken::encode(&self.header, claims, &self.key)?;
        Ok(Issued { token, expires_in: ttl.as_secs() })
    }
}
