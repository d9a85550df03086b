//! `PATCH /v1/users/me/settings`.

use axum::{Json, extract::State, response::IntoResponse};
use http::{HeaderMap, header};
use tracklore_platform::extract::MergePatch;

use crate::{
    actor::Actor,
    domain::SettingsObject,
    error::Error,
    openapi::problems,
    state::AppState,
    store::{references, settings},
};

problems! { Problems:
    412 => "`precondition-failed`: the settings have changed since they were read",
    413 => "`payload-too-large`: the body has more than 64 KiB",
    415 => "`unsupported-media-type`: the body isn't announced as JSON",
    422 => "`validation-failed`: more than 16 KiB altogether, or too deep",
}

/// Change your settings
///
/// A JSON merge patch (RFC 7396), at every level: absent keys stay as they are, null removes. At most 16 KiB altogether.
#[utoipa::path(
    patch,
    path = "/v1/users/me/settings",
    tag = "settings",
    security(("bearer" = [])),
    params(("If-Match" = Option<String>, Header, description = "Change only if the settings have this `ETag`")),
    request_body(
        content(
            (SettingsObject = "application/merge-patch+json"),
            (SettingsObject = "application/json"),
        ),
    ),
    responses(
        (status = 200, description = "The settings as they are now", body = SettingsObject,
            headers(("ETag" = String, description = "Changes with the settings"))),
        Problems,
    ),
)]
pub async fn change_settings(
    State(state): State<AppState>,
    actor: Actor,
    headers: HeaderMap,
    MergePatch(patch): MergePatch<SettingsObject>,
) -> Result<impl IntoResponse, Error> {
    let mut tx = state.pool.begin().await?;
    if !references::lock(&mut tx, &[actor.id()]).await?.is_active(actor.id()) {
        return Err(Error::CallerGone);
    }
    let mut current = settings::find(&mut *tx, &actor).await?;
    current.etag().check_if_match(&headers)?;
    if let Some(changed) = current.patched(patch)? {
        settings::save(&mut tx, &actor, &changed).await?;
        tx.commit().await?;
        current = changed;
    }
    Ok(([(header::ETAG, current.etag().header())], Json(current.value)))
}
