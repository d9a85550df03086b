//! `GET /v1/users/me/blocks/{id}`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{extract::Path, id::UserId};

use crate::{actor::Actor, error::Error, openapi::problems, state::AppState, store::blocks};

problems! { Problems:
    404 => "`not-found`: they aren't blocked",
}

/// Whether you have blocked somebody
#[utoipa::path(
    get,
    path = "/v1/users/me/blocks/{id}",
    tag = "blocks",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "Whom you might have blocked")),
    responses((status = 204, description = "They are blocked"), Problems),
)]
pub async fn read_block(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Error> {
    if blocks::exists(&state.pool, actor.id(), id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::Missing("block"))
    }
}
