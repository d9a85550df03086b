//! The APIs, one endpoint a file.

mod create;
mod delete;
mod get;
mod internal;
mod list;
mod query;
mod revisions;
mod update;

use axum::{Router, routing};
use utoipa::{OpenApi, openapi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{document::Document, state::AppState};

/// The public routes and the document that describes them.
pub fn router() -> (Router<AppState>, openapi::OpenApi) {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(create::create, list::list))
        .routes(routes!(get::get, update::update, delete::delete))
        .routes(routes!(revisions::revisions))
        .split_for_parts()
}

/// The routes for the other services.
pub fn internal() -> Router<AppState> {
    Router::new().route("/internal/v1/posts", routing::get(internal::newest::newest))
}
