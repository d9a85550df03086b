//! The gateway's question about a request: who is this?

use axum::{Extension, response::IntoResponse};
use http::{HeaderName, HeaderValue};
use tracklore_platform::{http::Unlogged, token::User};

use crate::responses::{Always, LoggedIn};

/// Verify
///
/// For forward authentication: says in headers whose access token this is, or refuses. The headers inform; services
/// trust the token only. Sessions that ended are refused from memory, as in all services.
#[utoipa::path(
    get, path = "/v1/auth/verify", tag = "auth",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The token is good and its session has not ended", headers(
            ("X-User-ID" = String, description = "The user's id"),
            ("X-Session-ID" = String, description = "The session's id"),
            ("X-Scope" = String, description = "Granted scopes, separated by spaces"),
        )),
        LoggedIn, Always,
    )
)]
pub async fn verify(user: User) -> impl IntoResponse {
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    let headers = [
        (HeaderName::from_static("x-user-id"), value(&user.id.to_string())),
        (HeaderName::from_static("x-session-id"), value(&user.session_id.to_string())),
        (HeaderName::from_static("x-scope"), value(&user.scope)),
    ];
    // who is let through is told of by the service behind
    (Extension(Unlogged), headers)
}
