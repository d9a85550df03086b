//! `DELETE /v1/auth/sessions`.

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

/// End all other sessions
///
/// Leaves only the one that asks.
#[utoipa::path(
    delete, path = "/v1/auth/sessions", tag = "sessions",
    security(("bearer" = [])),
    responses((status = 204, description = "They have ended"), LoggedIn, Always)
)]
pub async fn end_other_sessions(
    State(state): State<AppState>,
    Live(user): Live,
    client: Client,
) -> Result<StatusCode, Error> {
    let now = Timestamp::now();
    let mut tx = state.pool.begin().await?;
    let current = Some(user.session_id);
    let ended = sessions::end_all(&mut tx, user.id, current, Reason::EndedByUser, now).await?;
    for id in &ended {
        audit::append(&mut tx, &Entry::of(user.id, What::SessionEnded).session(*id).by(&client), now).await?;
    }
    tx.commit().await?;
    state.ended(ended, now);
    Ok(StatusCode::NO_CONTENT)
}
