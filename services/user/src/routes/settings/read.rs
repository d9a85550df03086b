//! `GET /v1/users/me/settings`.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use tracklore_platform::etag;

use crate::{actor::Actor, domain::SettingsObject, error::Error, state::AppState, store::settings};

/// Read your settings
///
/// A JSON object that only your client understands; empty at first.
#[utoipa::path(
    get,
    path = "/v1/users/me/settings",
    tag = "settings",
    security(("bearer" = [])),
    params(("If-None-Match" = Option<String>, Header, description = "An `ETag` that you have already")),
    responses(
        (status = 200, description = "The settings", body = SettingsObject,
            headers(("ETag" = String, description = "Changes with the settings"))),
        (status = 304, description = "You have them already"),
    ),
)]
pub async fn read_settings(
    State(state): State<AppState>,
    actor: Actor,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let settings = settings::find(&state.pool, &actor).await?;
    Ok(etag::respond(&headers, &settings.etag(), &settings.value))
}
