//! `GET /v1/users/me/goals`.

use axum::{Json, extract::State};
use tracklore_platform::{
    extract::Query,
    page::{Page, PageQuery},
};

use crate::{actor::Actor, domain::Goal, error::Error, state::AppState, store::goals};

/// Your goals
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/v1/users/me/goals",
    tag = "goals",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, description = "A page of goals", body = Page<Goal>)),
)]
pub async fn list_own_goals(
    State(state): State<AppState>,
    actor: Actor,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Goal>>, Error> {
    let (list, limit) = (format!("own-goals {}", actor.id()), page.limit()?);
    let rows = goals::own(&state.pool, &actor, page.after(&list)?, limit + 1).await?;
    Ok(Json(Page::new(&list, rows, limit, |goal| (goal.created_at.unix_millis(), goal.id))))
}
