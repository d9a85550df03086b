//! `POST /v1/auth/password/reset`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::extract::Json;

use super::super::email::{Address, note};
use crate::{
    error::Error,
    mail::Request,
    responses::{Always, Throttled, WithBody},
    session::client::Client,
    state::AppState,
};

/// Forgot the password
///
/// If there is an account with this address, it gets a mail with a link to set a new password, at most 5 an hour. The
/// answer is the same for every address and given before anybody looks.
#[utoipa::path(
    post, path = "/v1/auth/password/reset", tag = "password",
    security(()),
    responses((status = 202, description = "Noted"), WithBody, Throttled, Always)
)]
pub async fn request_reset(
    State(state): State<AppState>,
    client: Client,
    Json(address): Json<Address>,
) -> Result<StatusCode, Error> {
    note(&state, &client, address, |email| Request::ResetPassword { email }).await
}
