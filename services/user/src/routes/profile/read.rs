//! `GET /v1/users/{id}`.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use tracklore_platform::{etag, extract::Path, id::UserId, problem::ProblemBody, token::OptionalUser};

use crate::{domain::Profile, error::Error, state::AppState};

/// Read somebody's profile
///
/// A suspended user's profile is hidden until they are let in again.
#[utoipa::path(
    get,
    path = "/v1/users/{id}",
    tag = "profiles",
    security((), ("bearer" = [])),
    params(
        ("id" = UserId, Path, description = "The user's id"),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag` that you have already"),
    ),
    responses(
        (status = 200, description = "The profile", body = Profile,
            headers(("ETag" = String, description = "Changes with the profile"))),
        (status = 304, description = "You have it already"),
        (status = 404, description = "`not-found`: no such user (any more)", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
)]
pub async fn read_profile(
    State(state): State<AppState>,
    _: OptionalUser,
    Path(id): Path<UserId>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let profile = state.directory.profile(id).await?.ok_or(Error::NoSuchUser)?;
    Ok(etag::respond(&headers, &profile.etag(), &profile))
}
