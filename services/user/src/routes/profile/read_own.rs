//! `GET /v1/users/me`.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use tracklore_platform::{etag, token::User};

use crate::{domain::Profile, error::Error, state::AppState};

/// Read your own profile
///
/// There is one from the moment of sign-up on.
#[utoipa::path(
    get,
    path = "/v1/users/me",
    tag = "profiles",
    security(("bearer" = [])),
    params(("If-None-Match" = Option<String>, Header, description = "An `ETag` that you have already")),
    responses(
        (status = 200, description = "Your profile", body = Profile,
            headers(("ETag" = String, description = "Changes with the profile"))),
        (status = 304, description = "You have it already"),
    ),
)]
pub async fn read_own_profile(
    State(state): State<AppState>,
    user: User,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let profile = state.directory.profile(user.id).await?.ok_or(Error::CallerGone)?;
    Ok(etag::respond(&headers, &profile.etag(), &profile))
}
