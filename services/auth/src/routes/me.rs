//! The caller's own account.

use axum::{Json, extract::State};
use tracklore_platform::token::TokenError;

use super::OwnAccount;
use crate::{
    error::Error,
    responses::{Always, LoggedIn},
    session::live::Live,
    state::AppState,
    store::accounts,
};

/// Own account
#[utoipa::path(
    get, path = "/v1/auth/me", tag = "auth",
    security(("bearer" = [])),
    responses((status = 200, description = "The account", body = OwnAccount), LoggedIn, Always)
)]
pub async fn me(State(state): State<AppState>, Live(user): Live) -> Result<Json<OwnAccount>, Error> {
    let account = accounts::by_id(&state.pool, user.id).await?.ok_or(TokenError::Invalid)?;
    Ok(Json(account.into()))
}
