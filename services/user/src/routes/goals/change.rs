//! `PATCH /v1/users/me/goals/{goal_id}`.

use axum::{Json, extract::State, response::IntoResponse};
use http::{HeaderMap, header};
use tracklore_platform::{
    extract::{MergePatch, Path},
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    actor::Actor,
    domain::{Goal, GoalPatch},
    error::Error,
    openapi::problems,
    state::AppState,
    store::{goals, references},
};

problems! { Problems:
    404 => "`not-found`: no such goal of yours",
    409 => "`goal-transition`: this step can't be taken from where the goal is",
    412 => "`precondition-failed`: the goal has changed since it was read",
    413 => "`payload-too-large`: the body has more than 64 KiB",
    415 => "`unsupported-media-type`: the body isn't announced as JSON",
    422 => "`validation-failed`: `errors` lists all values that are against the rules",
}

/// Change one of your goals
///
/// A JSON merge patch (RFC 7396): absent fields stay as they are, null clears. An active goal can be completed or
/// abandoned, an abandoned one made active again. Completing sets `progress` to 100 and `completed_at`, and is for good.
#[utoipa::path(
    patch,
    path = "/v1/users/me/goals/{goal_id}",
    tag = "goals",
    security(("bearer" = [])),
    params(
        ("goal_id" = Uuid, Path, description = "The goal's id"),
        ("If-Match" = Option<String>, Header, description = "Change only if the goal has this `ETag`"),
    ),
    request_body(
        content(
            (GoalPatch = "application/merge-patch+json"),
            (GoalPatch = "application/json"),
        ),
    ),
    responses(
        (status = 200, description = "The goal as it is now", body = Goal,
            headers(("ETag" = String, description = "Changes with the goal"))),
        Problems,
    ),
)]
pub async fn change_goal(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    MergePatch(patch): MergePatch<GoalPatch>,
) -> Result<impl IntoResponse, Error> {
    let mut tx = state.pool.begin().await?;
    references::lock(&mut tx, &[actor.id()]).await?;
    let current = goals::find(&mut *tx, &actor, id).await?.ok_or(Error::Missing("goal"))?;
    current.etag().check_if_match(&headers)?;
    let goal = match patch.apply(&current, Timestamp::now())? {
        None => current,
        Some(changed) => {
            goals::save(&mut tx, &current, &changed).await?;
            tx.commit().await?;
            state.relay.wake();
            changed
        }
    };
    Ok(([(header::ETAG, goal.etag().header())], Json(goal)))
}
