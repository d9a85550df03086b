//! `PUT /v1/users/me/blocks/{id}`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{extract::Path, id::UserId};

use crate::{actor::Actor, error::Error, openapi::problems, relations, state::AppState};

problems! { Problems:
    404 => "`not-found`: no such user (any more)",
    422 => "`not-yourself`: the id is your own",
}

/// Block somebody
///
/// Ends follows and requests both ways and lets them begin no new ones. They aren't told: to them, it looks as if you had
/// ended it, and as if they could try again. Again it changes nothing.
#[utoipa::path(
    put,
    path = "/v1/users/me/blocks/{id}",
    tag = "blocks",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "Whom to block")),
    responses((status = 204, description = "They are blocked"), Problems),
)]
pub async fn block(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Error> {
    relations::block(&state, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
