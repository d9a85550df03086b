//! `PATCH /v1/users/me`.

use axum::{Json, extract::State, response::IntoResponse};
use http::{HeaderMap, header};
use tracklore_platform::{extract::MergePatch, time::Timestamp};

use crate::{
    actor::Actor,
    domain::{Profile, ProfilePatch},
    error::Error,
    openapi::problems,
    state::AppState,
    store::{
        profiles::{self, Lookup},
        references,
    },
};

problems! { Problems:
    412 => "`precondition-failed`: the profile has changed since it was read",
    413 => "`payload-too-large`: the body has more than 64 KiB",
    415 => "`unsupported-media-type`: the body isn't announced as JSON",
    422 => "`validation-failed`: `errors` lists all values that are against the rules",
}

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
        Problems,
    ),
)]
pub async fn change_own_profile(
    State(state): State<AppState>,
    actor: Actor,
    headers: HeaderMap,
    MergePatch(patch): MergePatch<ProfilePatch>,
) -> Result<impl IntoResponse, Error> {
    patch.validate()?;
    let mut tx = state.pool.begin().await?;
    references::lock(&mut tx, &[actor.id()]).await?;
    let Lookup::Here(current) = profiles::find(&mut *tx, actor.id()).await? else {
        return Err(Error::CallerGone);
    };
    current.etag().check_version_if_match(&headers)?;
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
