//! `GET /openapi.json` and `GET /docs`: the service's reference, readable without internet.

use axum::{
    Json, Router,
    response::{Html, IntoResponse},
    routing::get,
};
use http::{HeaderValue, header};
use utoipa::openapi::OpenApi;

/// The page has its script and style in itself, reads documents of its own origin, and nothing else may happen in it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The two routes for this document.
pub fn router(document: &OpenApi) -> Router {
    let document = document.clone();
    Router::new().route("/openapi.json", get(async move || Json(document))).route("/docs", get(page))
}

async fn page() -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("docs.html")))
}
