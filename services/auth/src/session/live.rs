//! The caller's session, asked of the database: what has ended is refused at once, however long its token is good.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::request::Parts;
use tracklore_platform::{
    time::Timestamp,
    token::{Scope, Scoped, TokenError, User},
};

use crate::{error::Error, state::AppState, store::sessions};

/// A user with a session that runs; 401 without.
#[derive(Debug)]
pub struct Live(pub User);

/// A user with a session that runs and the scope `S`; 401 or 403 without.
#[derive(Debug)]
pub struct LiveScoped<S> {
    /// Who.
    pub user: User,
    scope: PhantomData<S>,
}

impl<S: Scope> FromRequestParts<AppState> for LiveScoped<S> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        let Live(user) = Live::from_request_parts(parts, state).await?;
        let Scoped { user, .. } = Scoped::<S>::check(user)?;
        Ok(Self { user, scope: PhantomData })
    }
}

impl FromRequestParts<AppState> for Live {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        let user = User::from_request_parts(parts, state).await?;
        if sessions::is_live(&state.pool, user.session_id, user.id, Timestamp::now()).await? {
            Ok(Self(user))
        } else {
            Err(TokenError::Invalid.into())
        }
    }
}
