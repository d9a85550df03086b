//! `GET /v1/auth/me`.

use axum::{extract::State, response::IntoResponse};
use http::HeaderMap;
use tracklore_platform::{etag, time::Timestamp, token::TokenError};

use super::super::OwnAccount;
use crate::{
    error::Error,
    responses::{Always, LoggedIn},
    session::live::Live,
    state::AppState,
    store::accounts,
};

/// Own account
#[utoipa::path(
    get, path = "/v1/auth/me", tag = "account",
    security(("bearer" = [])),
    params(("If-None-Match" = Option<String>, Header, description = "Answer 304 if the account has this `ETag`")),
    responses(
        (status = 200, description = "The account", body = OwnAccount,
         headers(("ETag" = String, description = "Changes with the account"))),
        (status = 304, description = "As the client has it already (`If-None-Match`)"),
        LoggedIn, Always,
    )
)]
pub async fn read_account(
    State(state): State<AppState>,
    Live(user): Live,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Error> {
    let mut connection = state.pool.acquire().await?;
    let account = accounts::by_id(&mut *connection, user.id).await?.ok_or(TokenError::Invalid)?;
    let (own, tag) = super::own(&mut connection, account, Timestamp::now()).await?;
    Ok(etag::respond(&headers, &tag, &own))
}
