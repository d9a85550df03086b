//! Who acts. Functions that change or show something of somebody's own take an [`Actor`], and only a request with a good
//! token of an account in use makes one: leaving the check out doesn't compile.

use axum::{extract::FromRequestParts, http::request::Parts};
use tracklore_platform::{
    id::UserId,
    token::{BadgesAdmin, Scoped, User},
};

use crate::{domain::Status, error::Error, state::AppState};

/// A logged-in user whose account is in use, as far as this service has heard; 401 for others.
#[derive(Debug)]
pub struct Actor {
    id: UserId,
}

/// An actor who was granted `badges:admin`; 403 for others.
#[derive(Debug)]
pub struct BadgeAdmin {
    actor: Actor,
}

impl Actor {
    /// Who it is.
    pub fn id(&self) -> UserId {
        self.id
    }

    async fn admit(state: &AppState, user: &User) -> Result<Self, Error> {
        match state.directory.status(user.id).await? {
            Some(Status::Active) => Ok(Self { id: user.id }),
            Some(Status::Suspended | Status::Deleted) | None => Err(Error::CallerGone),
        }
    }
}

impl BadgeAdmin {
    /// Who it is.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }
}

impl FromRequestParts<AppState> for Actor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        let user = User::from_request_parts(parts, state).await?;
        Self::admit(state, &user).await
    }
}

impl FromRequestParts<AppState> for BadgeAdmin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        let Scoped { user, .. } = Scoped::<BadgesAdmin>::from_request_parts(parts, state).await?;
        Ok(Self { actor: Actor::admit(state, &user).await? })
    }
}
