//! `POST /v1/feed/stream/ticket`.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::Serialize;
use tracklore_platform::{problem::ProblemBody, token::User};
use utoipa::ToSchema;

use crate::{error::Error, live::ticket::LIFETIME, state::AppState};

/// A ticket for one live connection.
#[derive(Serialize, ToSchema)]
pub struct Ticket {
    /// For the parameter `ticket` of `/v1/feed/stream` or `/v1/feed/ws`.
    ticket: String,
    /// Seconds within which it has to be used.
    #[schema(examples(30))]
    expires_in: u64,
}

/// A ticket to open one live connection with.
///
/// For browsers, which can't send a token with `EventSource` or `WebSocket`. Good for one use within 30 seconds; what it
/// opens ends when the token that it was made with does.
#[utoipa::path(
    post,
    path = "/v1/feed/stream/ticket",
    operation_id = "create_stream_ticket",
    tag = "live",
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The ticket", body = Ticket),
        (status = 401, description = "`token-missing` or `invalid-token`", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json",
         headers(("Retry-After" = u64, description = "Seconds"))),
    )
)]
pub async fn create(State(state): State<AppState>, user: User) -> Result<(StatusCode, Json<Ticket>), Error> {
    let ticket = state.live.issue(user).await?;
    Ok((StatusCode::CREATED, Json(Ticket { ticket, expires_in: LIFETIME.as_secs() })))
}
