//! `DELETE /v1/users/me/follow-requests/{id}`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{extract::Path, id::UserId};

use crate::{actor::Actor, error::Error, openapi::problems, relations, state::AppState};

problems! { Problems:
    404 => "`not-found`: no such user (any more)",
    422 => "`not-yourself`: the id is your own",
}

/// Refuse a request to follow you
///
/// They aren't told. Again, or without a request, it changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/users/me/follow-requests/{id}",
    tag = "follows",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "Who asks")),
    responses((status = 204, description = "There is no request of theirs (any more)"), Problems),
)]
pub async fn refuse_follow_request(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Error> {
    relations::refuse(&state, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
