//! `POST /v1/auth/email/verify/resend`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::extract::Json;

use super::{Address, note};
use crate::{
    error::Error,
    mail::Request,
    responses::{Always, Throttled, WithBody},
    session::client::Client,
    state::AppState,
};

/// Another link to confirm an address
///
/// If something waits for this address to be confirmed, it gets another mail, at most 5 an hour. The answer is the same
/// for every address and given before anybody looks.
#[utoipa::path(
    post, path = "/v1/auth/email/verify/resend", tag = "email",
    security(()),
    responses((status = 202, description = "Noted"), WithBody, Throttled, Always)
)]
pub async fn resend_verification(
    State(state): State<AppState>,
    client: Client,
    Json(address): Json<Address>,
) -> Result<StatusCode, Error> {
    note(&state, &client, address, |email| Request::Verify { email }).await
}
