//! `GET /v1/feed/ws`: live updates over WebSocket. Who may open one is decided here; [`session`] has the conversation.

mod message;
mod session;

use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::Response,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use tracklore_platform::{
    extract::Query,
    problem::{Problem, ProblemBody},
    token::OptionalUser,
};
use utoipa::IntoParams;

use crate::{error::Error, state::AppState};

/// The longest message that a client may send.
const MAX_MESSAGE: usize = 16 * 1024;
/// Small, because connections are many and mostly silent.
const READ_BUFFER: usize = 4 * 1024;
/// A client that doesn't take more than this is cut.
const WRITE_BUFFER: usize = 1024 * 1024;

/// Who connects.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WsQuery {
    /// Instead of a token, from `POST /v1/feed/stream/ticket`.
    ticket: Option<String>,
}

/// Live updates of lists over WebSocket.
///
/// Messages are JSON objects. The client sends
///
/// | message | |
/// |---|---|
/// | `{"token": "…"}` | who they are, or a new token of the same user; needed once for `home`, unless a bearer token or a ticket came with the request |
/// | `{"subscribe": ["global", "home", "user:7"]}` | what to listen to from now on, at most 20 lists; with `"after": "…"`, a cursor, nothing after it is missed |
///
/// and gets `{"event", …}`:
///
/// | event | with |
/// |---|---|
/// | `authenticated` | `expires_at`: the connection ends then, unless a new token comes before |
/// | `subscribed` | `scopes`, `cursor` |
/// | `activity.created`, `activity.updated`, `activity.removed`, `reset` | `scope`, `cursor`, `data`: as in `/v1/feed/stream` |
/// | `error` | `code`, `detail`; then the connection is closed |
///
/// It is closed with 1001 when the server stops (connect again, with the last cursor), with 1008 after an error, and
/// with 4401 when the token has expired.
#[utoipa::path(
    get,
    path = "/v1/feed/ws",
    operation_id = "connect_feed",
    tag = "live",
    security((), ("bearer" = [])),
    params(WsQuery),
    responses(
        (status = 101, description = "The conversation begins"),
        (status = 400, description = "`malformed-request`: no WebSocket handshake", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 401, description = "`invalid-token`: the token or ticket isn't valid", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 403, description = "`origin-not-allowed`: browsers may not connect from there", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`, or too many connections", body = ProblemBody,
         content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds"))),
    )
)]
pub async fn connect(
    State(state): State<AppState>,
    OptionalUser(user): OptionalUser,
    Query(query): Query<WsQuery>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    check_origin(&headers, &state.allowed_origins)?;
    let upgrade = upgrade.map_err(|rejection| Problem::malformed(format!("{}.", rejection.body_text())))?;
    let slot = state.live.enter("ws")?;
    let user = state.live.listener(user, query.ticket.as_deref()).await?;
    let upgrade = upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER);
    Ok(upgrade.on_upgrade(async move |socket| {
        // boxed: a silent connection shall not carry the size of the busiest moment twice
        Box::pin(session::run(state, socket, user)).await;
        drop(slot);
    }))
}

/// Browsers let any page open a WebSocket to anywhere and send the page's origin along; other clients send none.
fn check_origin(headers: &HeaderMap, allowed: &[HeaderValue]) -> Result<(), Problem> {
    match headers.get(header::ORIGIN) {
        Some(origin) if !allowed.contains(origin) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "origin-not-allowed",
            "Pages of this origin may not connect.",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_origins_and_clients_that_are_no_browsers_connect() {
        let allowed = [HeaderValue::from_static("https://app.example.org")];
        let from = |origin| HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
        assert!(check_origin(&HeaderMap::new(), &[]).is_ok());
        assert!(check_origin(&from("https://app.example.org"), &allowed).is_ok());
        for origin in
            ["https://app.example.org:444", "http://app.example.org", "null", "https://evil.example"]
        {
            assert_eq!(check_origin(&from(origin), &allowed).unwrap_err().code(), "origin-not-allowed");
        }
    }
}
