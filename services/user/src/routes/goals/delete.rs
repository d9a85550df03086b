//! `DELETE /v1/users/me/goals/{goal_id}`.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use tracklore_platform::{extract::Path, time::Timestamp};
use uuid::Uuid;

use crate::{
    actor::Actor,
    error::Error,
    openapi::problems,
    state::AppState,
    store::{goals, references},
};

problems! { Problems:
    404 => "`not-found`: no such goal of yours (any more)",
    412 => "`precondition-failed`: the goal has changed since it was read",
}

/// Delete one of your goals
#[utoipa::path(
    delete,
    path = "/v1/users/me/goals/{goal_id}",
    tag = "goals",
    security(("bearer" = [])),
    params(
        ("goal_id" = Uuid, Path, description = "The goal's id"),
        ("If-Match" = Option<String>, Header, description = "Delete only if the goal has this `ETag`"),
    ),
    responses((status = 204, description = "The goal is gone"), Problems),
)]
pub async fn delete_goal(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    let mut tx = state.pool.begin().await?;
    references::lock(&mut tx, &[actor.id()]).await?;
    let goal = goals::find(&mut *tx, &actor, id).await?.ok_or(Error::Missing("goal"))?;
    goal.etag().check_if_match(&headers)?;
    goals::delete(&mut tx, &goal, Timestamp::now()).await?;
    tx.commit().await?;
    state.relay.wake();
    Ok(StatusCode::NO_CONTENT)
}
