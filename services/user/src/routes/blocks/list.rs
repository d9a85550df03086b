//! `GET /v1/users/me/blocks`.

use axum::{Json, extract::State};
use tracklore_platform::{
    extract::Query,
    page::{Page, PageQuery},
};

use crate::{
    actor::Actor, domain::Profile, error::Error, routes::people_page, state::AppState, store::people,
};

/// Whom you have blocked
///
/// The latest first.
#[utoipa::path(
    get,
    path = "/v1/users/me/blocks",
    tag = "blocks",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, description = "A page of profiles", body = Page<Profile>)),
)]
pub async fn list_blocks(
    State(state): State<AppState>,
    actor: Actor,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Profile>>, Error> {
    let (list, limit) = (format!("blocks {}", actor.id()), page.limit()?);
    let after = page.after(&list)?;
    let rows = people::blocked(&state.pool, &actor, after, limit + 1).await?;
    Ok(Json(people_page(&list, rows, limit)))
}
