//! `PUT /v1/users/me/follow-requests/{id}`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{extract::Path, id::UserId};

use crate::{actor::Actor, error::Error, openapi::problems, relations, state::AppState};

problems! { Problems:
    404 => "`not-found`: no such request (any more), or no such user",
    422 => "`not-yourself`: the id is your own",
}

/// Accept a request to follow you
///
/// Again it changes nothing.
#[utoipa::path(
    put,
    path = "/v1/users/me/follow-requests/{id}",
    tag = "follows",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "Who asks")),
    responses((status = 204, description = "They follow you"), Problems),
)]
pub async fn accept_follow_request(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Error> {
    relations::accept(&state, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
