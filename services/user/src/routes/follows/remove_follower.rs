//! `DELETE /v1/users/me/followers/{id}`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{extract::Path, id::UserId};

use crate::{actor::Actor, error::Error, openapi::problems, relations, state::AppState};

problems! { Problems:
    404 => "`not-found`: no such user (any more)",
    422 => "`not-yourself`: the id is your own",
}

/// Make somebody stop following you
///
/// They can follow again, or ask to; block them if they shall not. Again it changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/users/me/followers/{id}",
    tag = "follows",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "Who shall follow you no more")),
    responses((status = 204, description = "They don't follow you (any more)"), Problems),
)]
pub async fn remove_follower(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Error> {
    relations::remove_follower(&state, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
