//! `GET /v1/users/{id}/goals`.

use axum::{Json, extract::State};
use tracklore_platform::{
    extract::{Path, Query},
    id::UserId,
    page::{Page, PageQuery},
    token::OptionalUser,
};

use crate::{domain::Goal, error::Error, openapi::problems, state::AppState, store::goals};

problems! { Problems:
    404 => "`not-found`: no such user (any more)",
}

/// Somebody's public goals
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/v1/users/{id}/goals",
    tag = "goals",
    security((), ("bearer" = [])),
    params(("id" = UserId, Path, description = "Whose goals"), PageQuery),
    responses((status = 200, description = "A page of goals", body = Page<Goal>), Problems),
)]
pub async fn list_public_goals(
    State(state): State<AppState>,
    _: OptionalUser,
    Path(id): Path<UserId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Goal>>, Error> {
    let (list, limit) = (format!("public-goals {id}"), page.limit()?);
    let after = page.after(&list)?;
    state.directory.require(id).await?;
    let rows = goals::public(&state.pool, id, after, limit + 1).await?;
    Ok(Json(Page::new(&list, rows, limit, |goal| (goal.created_at.unix_millis(), goal.id))))
}
