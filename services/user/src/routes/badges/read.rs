//! `GET /v1/badges/{slug}`.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use tracklore_platform::{etag, extract::Path, token::OptionalUser};

use crate::{
    domain::{Badge, is_slug},
    error::Error,
    openapi::problems,
    state::AppState,
    store::badges,
};

problems! { Problems:
    404 => "`not-found`: no such badge (any more)",
}

/// Read a badge
#[utoipa::path(
    get,
    path = "/v1/badges/{slug}",
    tag = "badges",
    security((), ("bearer" = [])),
    params(
        ("slug" = String, Path, description = "The badge's slug"),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` that you have already"),
    ),
    responses(
        (status = 200, description = "The badge", body = Badge,
            headers(("ETag" = String, description = "Changes with the badge"))),
        (status = 304, description = "You have it already"),
        Problems,
    ),
)]
pub async fn read_badge(
    State(state): State<AppState>,
    _: OptionalUser,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    // what can't be a slug isn't looked for
    let found = if is_slug(&slug) { badges::find(&state.pool, &slug).await? } else { None };
    let badge = found.ok_or(Error::Missing("badge"))?;
    Ok(etag::respond(&headers, &badge.etag(), &badge))
}
