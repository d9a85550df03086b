//! `DELETE /v1/badges/{slug}`.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use tracklore_platform::{extract::Path, time::Timestamp};

use crate::{
    actor::BadgeAdmin,
    domain::is_slug,
    error::Error,
    openapi::problems,
    state::AppState,
    store::{awards, badges},
};

problems! { Problems:
    403 => "`scope-missing`: this takes the scope `badges:admin`",
    404 => "`not-found`: no such badge (any more)",
    412 => "`precondition-failed`: the badge has changed since it was read",
}

/// Delete a badge
///
/// Everybody who has it loses it. Takes the scope `badges:admin`.
#[utoipa::path(
    delete,
    path = "/v1/badges/{slug}",
    tag = "badges",
    security(("bearer" = ["badges:admin"])),
    params(
        ("slug" = String, Path, description = "The badge's slug"),
        ("If-Match" = Option<String>, Header, description = "Delete only if the badge has this `ETag`"),
    ),
    responses((status = 204, description = "The badge is gone"), Problems),
)]
pub async fn delete_badge(
    State(state): State<AppState>,
    admin: BadgeAdmin,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    let mut tx = state.pool.begin().await?;
    let found = if is_slug(&slug) { badges::lock(&mut tx, &admin, &slug).await? } else { None };
    found.ok_or(Error::Missing("badge"))?.etag().check_if_match(&headers)?;
    let now = Timestamp::now();
    awards::revoke_all(&mut tx, &admin, &slug, now).await?;
    badges::remove(&mut tx, &admin, &slug, now).await?;
    tx.commit().await?;
    state.relay.wake();
    Ok(StatusCode::NO_CONTENT)
}
