//! The keys that verify tokens.

use axum::{extract::State, response::IntoResponse};
use http::{HeaderMap, HeaderValue, header};
use tracklore_platform::etag::{self, ETag};

use crate::{keys::KeySet, state::AppState};

/// Caches keep the keys this long; a new key is published longer than that before it signs.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Signing keys
///
/// All keys that access tokens may be signed with (RFC 7517), also the one before and the one to come.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "keys",
    security(()),
    responses(
        (status = 200, description = "The keys", body = KeySet),
        (status = 304, description = "As the client has them already (`If-None-Match`)"),
    )
)]
pub async fn keys(State(state): State<AppState>, headers: HeaderMap) -> impl IntoResponse {
    let keys = state.keys.current();
    let bytes = serde_json::to_vec(&keys.published).unwrap_or_default();
    ([(header::CACHE_CONTROL, CACHE)], etag::respond(&headers, &ETag::of_bytes(&bytes), &keys.published))
}
