//! `DELETE /v1/users/me/following/{id}`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{extract::Path, id::UserId};

use crate::{actor::Actor, error::Error, openapi::problems, relations, state::AppState};

problems! { Problems:
    404 => "`not-found`: no such user (any more)",
    422 => "`not-yourself`: the id is your own",
}

/// Stop following somebody
///
/// Also takes back a request that waits. Again, or without a follow, it changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/users/me/following/{id}",
    tag = "follows",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "Whom to follow no more")),
    responses((status = 204, description = "You don't follow them (any more)"), Problems),
)]
pub async fn unfollow(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Error> {
    relations::unfollow(&state, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
