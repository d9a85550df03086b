//! `GET /v1/users/{id}/badges`.

use axum::{Json, extract::State};
use tracklore_platform::{
    extract::{Path, Query},
    id::UserId,
    page::{Page, PageQuery},
    token::OptionalUser,
};

use crate::{domain::Award, error::Error, openapi::problems, state::AppState, store::awards};

problems! { Problems:
    404 => "`not-found`: no such user (any more)",
}

/// Somebody's badges
///
/// The latest first.
#[utoipa::path(
    get,
    path = "/v1/users/{id}/badges",
    tag = "badges",
    security((), ("bearer" = [])),
    params(("id" = UserId, Path, description = "Whose badges"), PageQuery),
    responses((status = 200, description = "A page of awards", body = Page<Award>), Problems),
)]
pub async fn list_awards(
    State(state): State<AppState>,
    _: OptionalUser,
    Path(id): Path<UserId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Award>>, Error> {
    let (list, limit) = (format!("awards {id}"), page.limit()?);
    let after = page.after(&list)?;
    state.directory.require(id).await?;
    let rows = awards::page(&state.pool, id, after, limit + 1).await?;
    let key = |award: &Award| (award.awarded_at.unix_millis(), award.badge.slug.clone());
    Ok(Json(Page::new(&list, rows, limit, key)))
}
