//! `DELETE /v1/auth/sessions/{id}`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{
    extract::Path,
    problem::{Problem, ProblemBody},
    time::Timestamp,
};
use uuid::Uuid;

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

/// End a session
///
/// Of your own, also the one that asks: here at once, and in all services within a second.
#[utoipa::path(
    delete, path = "/v1/auth/sessions/{id}", tag = "sessions",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The session")),
    responses(
        (status = 204, description = "It has ended"),
        (status = 404, description = "`not-found`: you have no such session (any more)",
         body = ProblemBody, content_type = "application/problem+json"),
        LoggedIn, Always,
    )
)]
pub async fn end_session(
    State(state): State<AppState>,
    Live(user): Live,
    client: Client,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    let now = Timestamp::now();
    let mut tx = state.pool.begin().await?;
    if !sessions::end(&mut tx, id, user.id, Reason::EndedByUser, now).await? {
        return Err(Problem::not_found("You have no session with this id (any more).").into());
    }
    audit::append(&mut tx, &Entry::of(user.id, What::SessionEnded).session(id).by(&client), now).await?;
    tx.commit().await?;
    state.ended([id], now);
    Ok(StatusCode::NO_CONTENT)
}
