//! Logging out.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::time::Timestamp;

use crate::{
    error::Error,
    responses::{Always, LoggedIn},
    session::live::Live,
    state::AppState,
    store::sessions::{self, Reason},
};

/// Log out
///
/// Ends the session of the access token, here at once and in all services within a second.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "auth",
    security(("bearer" = [])),
    responses((status = 204, description = "The session has ended"), LoggedIn, Always)
)]
pub async fn log_out(State(state): State<AppState>, Live(user): Live) -> Result<StatusCode, Error> {
    let mut tx = state.pool.begin().await?;
    let now = Timestamp::now();
    sessions::end(&mut tx, user.session_id, Reason::Logout, now).await?;
    tx.commit().await?;
    state.revoked.insert(user.session_id, now);
    state.relay.wake();
    Ok(StatusCode::NO_CONTENT)
}
