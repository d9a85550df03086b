//! `DELETE /v1/users/me/blocks/{id}`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{extract::Path, id::UserId};

use crate::{actor::Actor, error::Error, openapi::problems, state::AppState, store::blocks};

problems! { Problems:
    404 => "`not-found`: no such user (any more)",
}

/// Take a block back
///
/// What it ended stays ended. Again, or without a block, it changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/users/me/blocks/{id}",
    tag = "blocks",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "Whom to block no more")),
    responses((status = 204, description = "They aren't blocked (any more)"), Problems),
)]
pub async fn unblock(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Error> {
    state.directory.require_account(id).await?;
    blocks::delete(&state.pool, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
