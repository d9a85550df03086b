//! `PATCH /v1/badges/{slug}`.

use axum::{Json, extract::State, response::IntoResponse};
use http::{HeaderMap, header};
use tracklore_platform::extract::{MergePatch, Path};

use crate::{
    actor::BadgeAdmin,
    domain::{Badge, BadgePatch, is_slug},
    error::Error,
    openapi::problems,
    state::AppState,
    store::badges,
};

problems! { Problems:
    403 => "`scope-missing`: this takes the scope `badges:admin`",
    404 => "`not-found`: no such badge (any more)",
    412 => "`precondition-failed`: the badge has changed since it was read",
    413 => "`payload-too-large`: the body has more than 64 KiB",
    415 => "`unsupported-media-type`: the body isn't announced as JSON",
    422 => "`validation-failed`: `errors` lists all values that are against the rules",
}

/// Change a badge
///
/// A JSON merge patch (RFC 7396): absent fields stay as they are, null clears. Takes the scope `badges:admin`.
#[utoipa::path(
    patch,
    path = "/v1/badges/{slug}",
    tag = "badges",
    security(("bearer" = ["badges:admin"])),
    params(
        ("slug" = String, Path, description = "The badge's slug"),
        ("If-Match" = Option<String>, Header, description = "Change only if the badge has this `ETag`"),
    ),
    request_body(
        content(
            (BadgePatch = "application/merge-patch+json"),
            (BadgePatch = "application/json"),
        ),
    ),
    responses(
        (status = 200, description = "The badge as it is now", body = Badge,
            headers(("ETag" = String, description = "Changes with the badge"))),
        Problems,
    ),
)]
pub async fn change_badge(
    State(state): State<AppState>,
    admin: BadgeAdmin,
    Path(slug): Path<String>,
    headers: HeaderMap,
    MergePatch(patch): MergePatch<BadgePatch>,
) -> Result<impl IntoResponse, Error> {
    let mut tx = state.pool.begin().await?;
    let found = if is_slug(&slug) { badges::lock(&mut tx, &admin, &slug).await? } else { None };
    let mut badge = found.ok_or(Error::Missing("badge"))?;
    badge.etag().check_if_match(&headers)?;
    if let Some(changed) = patch.apply(&badge)? {
        badges::save(&mut tx, &admin, &changed).await?;
        tx.commit().await?;
        badge = changed;
    }
    Ok(([(header::ETAG, badge.etag().header())], Json(badge)))
}
