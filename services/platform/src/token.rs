//! Who calls. Services trust a token that auth signed (JWT, RFC 9068 `at+jwt`, `EdDSA`) and nothing else, never a
//! header.
//! A user's token and a service's token have different audiences, so neither passes for the other.

mod extract;
mod keys;
mod revoked;
mod scope;
mod seen;

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

pub use extract::{HasVerifier, OptionalUser, Service, User};
pub use keys::{KeyLookup, LocalKeys, RemoteKeys};
pub use revoked::{MAX_TOKEN_LIFE, Revoked};
pub use scope::{BadgesAdmin, PostsModerate, SCOPES, Scope, Scoped, UsersAdmin};

use self::seen::{Fingerprint, Known, Seen};
use crate::{id::UserId, problem::Problem, time::Timestamp};

/// Audience of users' access tokens.
pub const USER_AUDIENCE: &str = "tracklore";
/// Audience of service tokens.
pub const SERVICE_AUDIENCE: &str = "tracklore-internal";
/// The `typ` header of both (RFC 9068 §2.1).
pub const TOKEN_TYPE: &str = "at+jwt";
/// Seconds by which clocks may differ.
const LEEWAY: u32 = 5;

/// Claims of a user's access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The stack's public URL.
    pub iss: String,
    /// [`USER_AUDIENCE`].
    pub aud: String,
    /// The user id as a string.
    pub sub: String,
    /// The session.
    pub sid: Uuid,
    /// The client that the user logged in with.
    pub client_id: String,
    /// Granted scopes, separated by spaces.
    pub scope: String,
    /// When the user proved who they are, in seconds.
    pub auth_time: i64,
    /// Issued at, in seconds.
    pub iat: i64,
    /// Expires at, in seconds.
    pub exp: i64,
    /// Unique per token.
    pub jti: Uuid,
}

/// Claims of a service token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceClaims {
    /// The stack's public URL.
    pub iss: String,
    /// [`SERVICE_AUDIENCE`].
    pub aud: String,
    /// The client id of the service.
    pub sub: String,
    /// Issued at, in seconds.
    pub iat: i64,
    /// Expires at, in seconds.
    pub exp: i64,
    /// Unique per token.
    pub jti: Uuid,
}

/// Why a token isn't accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No bearer token where one is needed.
    #[error("no bearer token")]
    Missing,
    /// Not one of ours, expired, or for something else. Which of it is nobody's business.
    #[error("the token isn't valid")]
    Invalid,
    /// The keys can't be had right now.
    #[error("signing keys can't be had")]
    KeysUnavailable,
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Missing => Self::unauthorized(
                "token-missing",
                "Log in and send the access token as Authorization: Bearer.",
            ),
            TokenError::Invalid => Self::unauthorized(
                "invalid-token",
                "The access token is not valid (any more). Refresh it or log in.",
            ),
            TokenError::KeysUnavailable => Self::unavailable(),
        }
    }
}

/// Checks tokens of one issuer.
#[derive(Clone, Debug)]
pub struct Verifier<K> {
    issuer: Arc<str>,
    keys: K,
    revoked: Revoked,
    seen: Seen,
}

impl<K: KeyLookup> Verifier<K> {
    /// Accepts what `issuer` signed with one of `keys`.
    pub fn new(issuer: impl AsRef<str>, keys: K) -> Self {
        Self { issuer: issuer.as_ref().into(), keys, revoked: Revoked::default(), seen: Seen::default() }
    }

    /// Refuses the tokens of these sessions.
    #[must_use]
    pub fn refusing(mut self, revoked: Revoked) -> Self {
        self.revoked = revoked;
        self
    }

    /// The user behind an access token.
    pub async fn user(&self, token: &str) -> Result<User, TokenError> {
        let fingerprint = Fingerprint::of(token);
        let user = match self.known(fingerprint).await? {
            Some(user) => user,
            None => self.learn(token, fingerprint).await?,
        };
        if self.revoked.contains(user.session_id) {
            return Err(TokenError::Invalid);
        }
        Ok(user)
    }

    /// The service behind a service token.
    pub async fn service(&self, token: &str) -> Result<Service, TokenError> {
        let (_, key) = self.signed_with(token).await?;
        let claims: ServiceClaims = self.claims(token, &key, SERVICE_AUDIENCE)?;
        Ok(Service { client_id: claims.sub })
    }

    /// The user behind a token that was good before and still is.
    async fn known(&self, token: Fingerprint) -> Result<Option<User>, TokenError> {
        let Some(known) = self.seen.find(token) else { return Ok(None) };
        let key = self.keys.find(&known.kid).await?;
        Ok(known.holds(&key, Timestamp::now()).then(|| known.user.clone()))
    }

    async fn learn(&self, token: &str, fingerprint: Fingerprint) -> Result<User, TokenError> {
        let (kid, key) = self.signed_with(token).await?;
        let claims: AccessClaims = self.claims(token, &key, USER_AUDIENCE)?;
        let id: UserId = claims.sub.parse().map_err(|_| TokenError::Invalid)?;
        let AccessClaims { sid: session_id, scope, auth_time, exp: expires_at, .. } = claims;
        let user = User { id, session_id, scope, auth_time, expires_at };
        let good_until = expires_at.saturating_add(i64::from(LEEWAY));
        self.seen.insert(fingerprint, Arc::new(Known { user: user.clone(), kid, key, good_until }));
        Ok(user)
    }

    /// The key that a token says to be signed with, and its name.
    async fn signed_with(&self, token: &str) -> Result<(String, Arc<DecodingKey>), TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let is_ours = header.alg == Algorithm::EdDSA && header.typ.as_deref() == Some(TOKEN_TYPE);
        let kid = header.kid.filter(|_| is_ours).ok_or(TokenError::Invalid)?;
        let key = self.keys.find(&kid).await?;
        Ok((kid, key))
    }

    fn claims<C: DeserializeOwned>(
        &self,
        token: &str,
        key: &DecodingKey,
        audience: &str,
    ) -> Result<C, TokenError> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = u64::from(LEEWAY);
        validation.validate_nbf = true;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&*self.issuer]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        let data = jsonwebtoken::decode::<C>(token, key, &validation).map_err(|_| TokenError::Invalid)?;
        Ok(data.claims)
    }
}

#[cfg(test)]
mod tests;
