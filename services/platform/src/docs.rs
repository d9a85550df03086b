//! `GET /openapi.json` and `GET /docs`: the service's reference, readable without internet.

use axum::{Json, Router, response::Html, routing::get};
use utoipa::openapi::OpenApi;

/// The two routes for this document.
pub fn router(document: &OpenApi) -> Router {
    let document = document.clone();
    Router::new()
        .route("/openapi.json", get(async move || Json(document)))
        .route("/docs", get(async || Html(include_str!("docs.html"))))
}
