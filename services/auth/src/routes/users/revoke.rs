//! Taking a scope away.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{
    extract::Path, id::UserId, problem::ProblemBody, time::Timestamp, token::UsersAdmin,
};

use super::{found, not_oneself, parse_id, parse_scope};
use crate::{
    administration,
    error::Error,
    responses::{Always, LoggedIn, NeedsScope},
    session::live::LiveScoped,
    state::AppState,
};

/// Revoke
///
/// Ends the sessions of the account, so that no token has the scope any more. Nobody does this to themselves.
#[utoipa::path(
    delete, path = "/v1/auth/users/{id}/grants/{scope}", tag = "administration",
    security(("bearer" = ["users:admin"])),
    params(
        ("id" = UserId, Path, description = "The user's id"),
        ("scope" = String, Path, description = "`users:admin`, `badges:admin` or `posts:moderate`"),
    ),
    responses(
        (status = 204, description = "The account doesn't have the scope"),
        (status = 404, description = "`not-found`: no such account, or no such scope",
         body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`own-account`",
         body = ProblemBody, content_type = "application/problem+json"),
        LoggedIn, NeedsScope, Always,
    )
)]
pub async fn revoke(
    administrator: LiveScoped<UsersAdmin>,
    State(state): State<AppState>,
    Path((id, scope)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let (id, scope, now) = (parse_id(&id)?, parse_scope(&scope)?, Timestamp::now());
    not_oneself(administrator.user.id, id)?;
    let by = Some(administrator.user.id);
    let done = found(administration::revoke(&state.pool, id, scope, by, now).await?)?;
    state.ended(done.ended, now);
    Ok(StatusCode::NO_CONTENT)
}
