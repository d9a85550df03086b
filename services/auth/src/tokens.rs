//! Issues access tokens (RFC 9068) to users and service tokens to the other services.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use tracklore_platform::{
    id::UserId,
    time::Timestamp,
    token::{AccessClaims, SERVICE_AUDIENCE, ServiceClaims, TOKEN_TYPE, USER_AUDIENCE},
};
use uuid::Uuid;

use crate::keys::KeyRing;

/// The client that browsers and apps are until clients can be told apart.
const WEB_CLIENT: &str = "web";
/// How long a service token is good; its holder asks for the next one before.
const SERVICE_TTL: Duration = Duration::from_mins(5);

/// Signs tokens.
#[derive(Clone)]
pub struct Issuer {
    public_url: String,
    keys: KeyRing,
    access_ttl: Duration,
}

/// What an access token says.
pub struct Access<'a> {
    /// Whose.
    pub user: UserId,
    /// By which session.
    pub session: Uuid,
    /// Granted scopes, separated by spaces.
    pub scope: &'a str,
    /// When they proved who they are.
    pub auth_time: Timestamp,
    /// When the session ends, whatever happens: no token outlives it.
    pub session_ends: Timestamp,
}

/// A signed token and its life.
pub struct Issued {
    /// The token in compact form.
    pub token: String,
    /// Seconds until it expires.
    pub expires_in: u64,
}

impl Issuer {
    /// Tokens of the stack at `public_url` by whichever of `keys` signs at the time, good for `access_ttl`.
    pub fn new(public_url: impl Into<String>, keys: KeyRing, access_ttl: Duration) -> Self {
        Self { public_url: public_url.into(), keys, access_ttl }
    }

    /// An access token.
    pub fn access(&self, access: &Access<'_>, now: Timestamp) -> Result<Issued, jsonwebtoken::errors::Error> {
        let session_left = access.session_ends.unix_seconds() - now.unix_seconds();
        let ttl = self.access_ttl.min(Duration::from_secs(session_left.try_into().unwrap_or(0)));
        self.sign(
            &AccessClaims {
                iss: self.public_url.clone(),
                aud: USER_AUDIENCE.to_owned(),
                sub: access.user.to_string(),
                sid: access.session,
                client_id: WEB_CLIENT.to_owned(),
                scope: access.scope.to_owned(),
                auth_time: access.auth_time.unix_seconds(),
                iat: now.unix_seconds(),
                exp: now.plus(ttl).unix_seconds(),
                jti: Uuid::now_v7(),
            },
            ttl,
            now,
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
            now,
        )
    }

    fn sign<C: Serialize>(
        &self,
        claims: &C,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Issued, jsonwebtoken::errors::Error> {
        let keys = self.keys.current();
        let key = keys.signing(now);
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(key.kid.clone());
        let token = jsonwebtoken::encode(&header, claims, &key.signing)?;
        Ok(Issued { token, expires_in: ttl.as_secs() })
    }
}
