//! The public routes, under /v1/feed.

mod global;
mod home;
mod stream;
mod ticket;
mod user;
mod ws;

use axum::Router;
use tracklore_platform::problem::ProblemBody;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    document::{Activity, ActivityPage},
    state::AppState,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tracklore feed",
        description = "Lists of what people did, newest first. They follow what happens within moments; an answer \
            with `X-Feed-State: catching-up` may still miss some of it."
    ),
    tags((name = "feed", description = "Activity lists"), (name = "live", description = "Live updates")),
    components(schemas(Activity, ActivityPage, ProblemBody)),
    modifiers(&Bearer)
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The routes with their document.
pub fn public() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(global::read))
        .routes(routes!(user::read))
        .routes(routes!(home::read))
        .routes(routes!(stream::listen))
        .routes(routes!(ticket::create))
        .routes(routes!(ws::connect))
}

/// The feed has nothing to tell the other services yet.
pub fn internal() -> Router {
    Router::new()
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    public().split_for_parts().1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ever_published_in_the_api_is_taken_away() {
        let document = serde_json::to_value(document()).unwrap();
        tracklore_testkit::api::assert_compatible("feed", &document);
    }
}
