//! `PUT /v1/users/{id}/badges/{slug}`.

use axum::{Json, extract::State};
use http::StatusCode;
use tracklore_platform::{
    extract::{OptionalJson, Path},
    id::UserId,
    time::Timestamp,
};

use crate::{
    actor::BadgeAdmin,
    domain::{Award, AwardDraft, is_slug},
    error::Error,
    openapi::problems,
    state::AppState,
    store::{awards, badges, references},
};

problems! { Problems:
    403 => "`scope-missing`: this takes the scope `badges:admin`",
    404 => "`not-found`: no such user or badge (any more)",
    413 => "`payload-too-large`: the body has more than 64 KiB",
    415 => "`unsupported-media-type`: the body isn't announced as JSON",
    422 => "`validation-failed`: `errors` lists all values that are against the rules",
}

/// Give somebody a badge
///
/// Again it changes nothing, except that another reason takes the place of the one before. Takes the scope `badges:admin`.
#[utoipa::path(
    put,
    path = "/v1/users/{id}/badges/{slug}",
    tag = "badges",
    security(("bearer" = ["badges:admin"])),
    params(
        ("id" = UserId, Path, description = "Who gets the badge"),
        ("slug" = String, Path, description = "Which badge"),
    ),
    request_body = Option<AwardDraft>,
    responses(
        (status = 201, description = "They have it now", body = Award),
        (status = 200, description = "They had it before", body = Award),
        Problems,
    ),
)]
pub async fn award_badge(
    State(state): State<AppState>,
    admin: BadgeAdmin,
    Path((id, slug)): Path<(UserId, String)>,
    OptionalJson(draft): OptionalJson<AwardDraft>,
) -> Result<(StatusCode, Json<Award>), Error> {
    draft.validate()?;
    state.directory.require(id).await?;
    let mut tx = state.pool.begin().await?;
    if !references::lock(&mut tx, &[id]).await?.is_active(id) {
        return Err(Error::NoSuchUser);
    }
    let found = if is_slug(&slug) { badges::hold(&mut tx, &admin, &slug).await? } else { None };
    let badge = found.ok_or(Error::Missing("badge"))?;
    let current = awards::find(&mut tx, id, &slug).await?;
    let held = current.as_ref().is_some_and(|standing| standing.revoked_at.is_none());
    let standing = match (draft.award(id, &slug, current.as_ref(), Timestamp::now()), current) {
        (None, Some(current)) => current,
        (None, None) => return Err(Error::Missing("award")),
        (Some(changed), _) => {
            awards::save(&mut tx, &admin, &changed).await?;
            tx.commit().await?;
            state.relay.wake();
            changed
        }
    };
    let award = Award { badge, awarded_at: standing.awarded_at, reason: standing.reason };
    Ok((if held { StatusCode::OK } else { StatusCode::CREATED }, Json(award)))
}
