//! `GET /v1/users/me/goals/{goal_id}`.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use tracklore_platform::{etag, extract::Path};
use uuid::Uuid;

use crate::{actor::Actor, domain::Goal, error::Error, openapi::problems, state::AppState, store::goals};

problems! { Problems:
    404 => "`not-found`: no such goal of yours",
}

/// Read one of your goals
#[utoipa::path(
    get,
    path = "/v1/users/me/goals/{goal_id}",
    tag = "goals",
    security(("bearer" = [])),
    params(
        ("goal_id" = Uuid, Path, description = "The goal's id"),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` that you have already"),
    ),
    responses(
        (status = 200, description = "The goal", body = Goal,
            headers(("ETag" = String, description = "Changes with the goal"))),
        (status = 304, description = "You have it already"),
        Problems,
    ),
)]
pub async fn read_goal(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let goal = goals::find(&state.pool, &actor, id).await?.ok_or(Error::Missing("goal"))?;
    Ok(etag::respond(&headers, &goal.etag(), &goal))
}
