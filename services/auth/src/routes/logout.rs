//! Logging out.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::time::Timestamp;

use crate::{
    error::Error,
    responses::{Always, LoggedIn},
    session::{client::Client, live::Live},
    state::AppState,
    store::{
        audit::{self, Entry, What},
        sessions::{self, Reason},
    },
};

/// Log out
///
/// Ends the session of the access token, here at once and in all services within a second.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "auth",
    security(("bearer" = [])),
    responses((status = 204, description = "The session has ended"), LoggedIn, Always)
)]
pub async fn log_out(
    State(state): State<AppState>,
    Live(user): Live,
    client: Client,
) -> Result<StatusCode, Error> {
    let (session, now) = (user.session_id, Timestamp::now());
    let mut tx = state.pool.begin().await?;
    if sessions::end(&mut tx, session, user.id, Reason::Logout, now).await? {
        let entry = Entry::of(user.id, What::LoggedOut).session(session).by(&client);
        audit::append(&mut tx, &entry, now).await?;
    }
    tx.commit().await?;
    state.ended([session], now);
    Ok(StatusCode::NO_CONTENT)
}
