//! Routes for the other services, on a port of their own that is never routed to the outside.

mod token;
mod users;

use tracklore_platform::docs;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::jwks;
use crate::{SERVICE, state::AppState};

/// All of them with their document. `users:batch` is no parameter: the colon is part of the name.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(docs::internal(SERVICE))
        .routes(routes!(token::issue))
        .routes(routes!(users::find))
        .routes(routes!(users::read))
        .routes(routes!(users::batch))
        .routes(routes!(jwks::keys))
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    router().split_for_parts().1
}
