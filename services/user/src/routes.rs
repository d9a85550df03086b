//! The HTTP APIs: a file for each endpoint.

mod internal;
mod profile;

use axum::Router;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{openapi, state::AppState};

/// For everybody.
pub fn public() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(profile::read_own::read_own_profile, profile::change_own::change_own_profile))
        .routes(routes!(profile::read::read_profile))
        .routes(routes!(profile::find::find_profile))
}

/// For the other services.
pub fn internal() -> Router<AppState> {
    Router::new().route("/internal/v1/profiles:batch", axum::routing::post(internal::batch::batch))
}
