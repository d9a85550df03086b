//! The APIs, one endpoint a file.

mod create;
mod delete;
mod get;
mod internal;
mod list;
mod query;
mod revisions;
mod update;

use axum::Router;
use tracklore_platform::docs;
use utoipa::{OpenApi, openapi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{document::Document, serve::NAME, state::AppState};

/// The public routes and the document that describes them.
pub fn router() -> (Router<AppState>, openapi::OpenApi) {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(create::create, list::list))
        .routes(routes!(get::get, update::update, delete::delete))
        .routes(routes!(revisions::revisions))
        .split_for_parts()
}

/// The routes for the other services and the document that describes them.
pub fn internal() -> (Router<AppState>, openapi::OpenApi) {
    OpenApiRouter::with_openapi(docs::internal(NAME))
        .routes(routes!(internal::newest::newest))
        .split_for_parts()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ever_published_in_the_api_is_taken_away() {
        for (name, document) in [("posts", router().1), ("posts-internal", internal().1)] {
            let document = serde_json::to_value(document).unwrap();
            tracklore_testkit::api::assert_compatible(name, &document);
        }
    }
}
