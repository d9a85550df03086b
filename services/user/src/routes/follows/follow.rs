//! `PUT /v1/users/me/following/{id}`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{extract::Path, id::UserId};

use crate::{
    actor::Actor,
    error::Error,
    openapi::problems,
    relations::{self, Followed},
    state::AppState,
};

problems! { Problems:
    404 => "`not-found`: no such user (any more)",
    409 => "`blocked-by-you`: take your own block back first",
    422 => "`not-yourself`: the id is your own; `follow-limit-reached`: you follow 10,000 already",
}

/// Follow somebody
///
/// Somebody whose `follow_policy` is `approval` is asked first. Again it changes nothing.
#[utoipa::path(
    put,
    path = "/v1/users/me/following/{id}",
    tag = "follows",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "Whom to follow")),
    responses(
        (status = 204, description = "You follow them"),
        (status = 202, description = "They are asked"),
        Problems,
    ),
)]
pub async fn follow(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Error> {
    Ok(match relations::follow(&state, &actor, id).await? {
        Followed::Yes => StatusCode::NO_CONTENT,
        Followed::Asked => StatusCode::ACCEPTED,
    })
}
