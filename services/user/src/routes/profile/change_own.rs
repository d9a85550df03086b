//! `PATCH /v1/users/me`.

use axum::{Json, extract::State, response::IntoResponse};
use http::{HeaderMap, header};
use tracklore_platform::{extract::MergePatch, problem::ProblemBody, time::Timestamp, token::User};

use crate::{
    domain::{Profile, ProfilePatch},
    error::Error,
    state::AppState,
    store::{
        profiles::{self, Lookup},
        references,
    },
};

/// Change your own profile
///
/// A JSON merge patch (RFC 7396): absent fields stay as they are, null clears.
#[utoipa::path(
    patch,
    path = "/v1/users/me",
    tag = "profiles",
    security(("bearer" = [])),
    params(("If-Match" = Option<String>, Header, description = "Change only if the profile has this `ETag`")),
    request_body(
        content(
            (ProfilePatch = "application/merge-patch+json"),
            (ProfilePatch = "application/json"),
        ),
    ),
    responses(
        (status = 200, description = "The profile as it is now", body = Profile,
            headers(("ETag" = String, description = "Changes with the profile"))),
        (status = 412, description = "`precondition-failed`: the profile has changed since it was read",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`payload-too-large`: the body has more than 64 KiB",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`unsupported-media-type`: the body isn't announced as JSON",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`validation-failed`: `errors` lists all values that are against the rules",
            body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn change_own_profile(
    State(state): State<AppState>,
    user: User,
    headers: HeaderMap,
    MergePatch(patch): MergePatch<ProfilePatch>,
) -> Result<impl IntoResponse, Error> {
    patch.validate()?;
    // before the first event the account's row comes from auth
    state.directory.profile(user.id).await?.ok_or(Error::CallerGone)?;

    let mut tx = state.pool.begin().await?;
    references::lock(&mut tx, user.id).await?;
    let Lookup::Here(current) = profiles::find(&mut *tx, user.id).await? else {
        return Err(Error::CallerGone);
    };
    current.etag().check_if_match(&headers)?;
    let profile = match patch.apply(&current, Timestamp::now()) {
        None => *current,
        Some(changed) => {
            profiles::save(&mut tx, &changed).await?;
            tx.commit().await?;
            state.relay.wake();
            changed
        }
    };
    Ok(([(header::ETAG, profile.etag().header())], Json(profile)))
}
