//! `DELETE /v1/users/{id}/badges/{slug}`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{extract::Path, id::UserId, time::Timestamp};

use crate::{
    actor::BadgeAdmin,
    domain::is_slug,
    error::Error,
    openapi::problems,
    state::AppState,
    store::{awards, badges, references},
};

problems! { Problems:
    403 => "`scope-missing`: this takes the scope `badges:admin`",
    404 => "`not-found`: no such user, or they don't have the badge (any more)",
}

/// Take a badge back
///
/// Takes the scope `badges:admin`.
#[utoipa::path(
    delete,
    path = "/v1/users/{id}/badges/{slug}",
    tag = "badges",
    security(("bearer" = ["badges:admin"])),
    params(
        ("id" = UserId, Path, description = "Who has the badge"),
        ("slug" = String, Path, description = "Which badge"),
    ),
    responses((status = 204, description = "They don't have it any more"), Problems),
)]
pub async fn revoke_badge(
    State(state): State<AppState>,
    admin: BadgeAdmin,
    Path((id, slug)): Path<(UserId, String)>,
) -> Result<StatusCode, Error> {
    state.directory.require_account(id).await?;
    let mut tx = state.pool.begin().await?;
    references::lock(&mut tx, &[id]).await?;
    let found = if is_slug(&slug) { badges::hold(&mut tx, &admin, &slug).await? } else { None };
    found.ok_or(Error::Missing("badge"))?;
    let held = awards::find(&mut tx, id, &slug).await?;
    let revoked =
        held.and_then(|standing| standing.revoke(Timestamp::now())).ok_or(Error::Missing("award"))?;
    awards::save(&mut tx, &admin, &revoked).await?;
    tx.commit().await?;
    state.relay.wake();
    Ok(StatusCode::NO_CONTENT)
}
