//! Granting a scope.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{
    extract::Path, id::UserId, problem::ProblemBody, time::Timestamp, token::UsersAdmin,
};

use super::{found, parse_id, parse_scope};
use crate::{
    administration,
    error::Error,
    responses::{Always, LoggedIn, NeedsScope},
    session::live::LiveScoped,
    state::AppState,
};

/// Grant
///
/// Tokens made from now on have the scope; who is logged in gets it with the next refresh.
#[utoipa::path(
    put, path = "/v1/auth/users/{id}/grants/{scope}", tag = "administration",
    security(("bearer" = ["users:admin"])),
    params(
        ("id" = UserId, Path, description = "The user's id"),
        ("scope" = String, Path, description = "`users:admin`, `badges:admin` or `posts:moderate`"),
    ),
    responses(
        (status = 204, description = "The account has the scope"),
        (status = 404, description = "`not-found`: no such account, or no such scope",
         body = ProblemBody, content_type = "application/problem+json"),
        LoggedIn, NeedsScope, Always,
    )
)]
pub async fn grant(
    administrator: LiveScoped<UsersAdmin>,
    State(state): State<AppState>,
    Path((id, scope)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let (id, scope) = (parse_id(&id)?, parse_scope(&scope)?);
    let by = Some(administrator.user.id);
    found(administration::grant(&state.pool, id, scope, by, Timestamp::now()).await?)?;
    Ok(StatusCode::NO_CONTENT)
}
