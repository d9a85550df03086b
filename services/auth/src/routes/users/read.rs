//! An account.

use axum::{extract::State, response::IntoResponse};
use http::HeaderMap;
use tracklore_platform::{etag, extract::Path, id::UserId, problem::ProblemBody, token::UsersAdmin};

use super::{ManagedAccount, no_account, parse_id};
use crate::{
    account::Status,
    error::Error,
    responses::{Always, LoggedIn, NeedsScope},
    session::live::LiveScoped,
    state::AppState,
    store::{accounts, grants},
};

/// Account
#[utoipa::path(
    get, path = "/v1/auth/users/{id}", tag = "administration",
    security(("bearer" = ["users:admin"])),
    params(("id" = UserId, Path, description = "The user's id")),
    responses(
        (status = 200, description = "The account", body = ManagedAccount, headers(("ETag" = String))),
        (status = 304, description = "As the client has it already (`If-None-Match`)"),
        (status = 404, description = "`not-found`: no such account, or it was deleted",
         body = ProblemBody, content_type = "application/problem+json"),
        LoggedIn, NeedsScope, Always,
    )
)]
pub async fn read(
    _: LiveScoped<UsersAdmin>,
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Error> {
    let id = parse_id(&id)?;
    let account = accounts::by_id(&state.pool, id).await?;
    let account = account.filter(|account| account.status != Status::Deleted).ok_or_else(no_account)?;
    let account = ManagedAccount::new(account, grants::of(&state.pool, id).await?);
    Ok(etag::respond(&headers, &account.etag(), &account))
}
