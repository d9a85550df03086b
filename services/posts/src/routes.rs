//! The public API, one endpoint a file.

mod create;
mod delete;
mod get;
mod list;
mod query;
mod update;

use axum::Router;
use utoipa::{OpenApi, openapi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{document::Document, state::AppState};

/// The routes and the document that describes them.
pub fn router() -> (Router<AppState>, openapi::OpenApi) {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(create::create, list::list))
        .routes(routes!(get::get, update::update, delete::delete))
        .split_for_parts()
}
