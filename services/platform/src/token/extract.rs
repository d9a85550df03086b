//! Extractors for the caller: a handler that takes [`User`] can't forget to check.

use axum::{extract::FromRequestParts, http::request::Parts};
use http::{HeaderMap, header};
use tracklore_telemetry::log::note;
use uuid::Uuid;

use super::{KeyLookup, TokenError, Verifier};
use crate::{id::UserId, problem::Problem};

/// A logged-in user; 401 without a valid access token.
#[derive(Clone, Debug)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// By which session.
    pub session_id: Uuid,
    /// Granted scopes, separated by spaces.
    pub scope: String,
    /// When they proved who they are, in seconds of the Unix epoch.
    pub auth_time: i64,
    /// When the token ends, in seconds of the Unix epoch.
    pub expires_at: i64,
}

/// A user or nobody; a bad token is still 401.
#[derive(Clone, Debug)]
pub struct OptionalUser(pub Option<User>);

/// Another service; 401 without a valid service token.
#[derive(Clone, Debug)]
pub struct Service {
    /// Which one.
    pub client_id: String,
}

/// Router states that can check tokens.
pub trait HasVerifier: Send + Sync {
    /// Where this service gets keys from.
    type Keys: KeyLookup;

    /// The service's verifier.
    fn verifier(&self) -> &Verifier<Self::Keys>;
}

impl User {
    /// Whether `scope` was granted.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|granted| granted == scope)
    }
}

impl<S: HasVerifier> FromRequestParts<S> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)?.ok_or(TokenError::Missing)?;
        user(state, token).await
    }
}

impl<S: HasVerifier> FromRequestParts<S> for OptionalUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match bearer(&parts.headers)? {
            None => Ok(Self(None)),
            Some(token) => user(state, token).await.map(Some).map(Self),
        }
    }
}

impl<S: HasVerifier> FromRequestParts<S> for Service {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)?.ok_or(TokenError::Missing)?;
        let service = state.verifier().service(token).await?;
        note("client_id", service.client_id.clone());
        Ok(service)
    }
}

/// The user behind this token, whom the log of the request names from now on.
async fn user(state: &impl HasVerifier, token: &str) -> Result<User, Problem> {
    let user = state.verifier().user(token).await?;
    note("user_id", user.id.to_string());
    Ok(user)
}

/// The bearer token (RFC 6750 §2.1), if there is an `Authorization` header; two of them, or another scheme, are invalid.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, TokenError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(TokenError::Invalid);
    }
    let (scheme, token) =
        value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or(TokenError::Invalid)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim())) } else { Err(TokenError::Invalid) }
}
