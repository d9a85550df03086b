//! `GET /v1/users/me/following/{id}`.

use axum::{Json, extract::State};
use serde::Serialize;
use tracklore_platform::{extract::Path, id::UserId, time::Timestamp};
use utoipa::ToSchema;

use crate::{
    actor::Actor, domain::FollowState, error::Error, openapi::problems, state::AppState, store::follows,
};

/// How you stand to somebody.
#[derive(Debug, Serialize, ToSchema)]
pub struct Relation {
    /// Whether you follow, or have asked to.
    pub state: RelationState,
    /// Since when.
    pub since: Timestamp,
}

/// Whether you follow, or have asked to.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RelationState {
    /// You follow.
    Following,
    /// You have asked to.
    Requested,
}

problems! { Problems:
    404 => "`not-found`: you neither follow them nor have asked to",
}

/// Whether you follow somebody
#[utoipa::path(
    get,
    path = "/v1/users/me/following/{id}",
    tag = "follows",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "Whom you might follow")),
    responses((status = 200, description = "How you stand to them", body = Relation), Problems),
)]
pub async fn relation(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<UserId>,
) -> Result<Json<Relation>, Error> {
    let mut connection = state.pool.acquire().await?;
    let pair = follows::find(&mut connection, actor.id(), id).await?;
    let state = match pair.state {
        FollowState::Following => RelationState::Following,
        FollowState::Requested => RelationState::Requested,
        FollowState::Apart => return Err(Error::Missing("follow")),
    };
    Ok(Json(Relation { state, since: pair.changed_at }))
}
