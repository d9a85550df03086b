//! `GET /v1/badges`.

use axum::{Json, extract::State};
use tracklore_platform::{
    extract::Query,
    page::{Page, PageQuery},
    token::OptionalUser,
};

use crate::{domain::Badge, error::Error, state::AppState, store::badges};

const LIST: &str = "badges";

/// All badges there are
///
/// By slug.
#[utoipa::path(
    get,
    path = "/v1/badges",
    tag = "badges",
    security((), ("bearer" = [])),
    params(PageQuery),
    responses((status = 200, description = "A page of badges", body = Page<Badge>)),
)]
pub async fn list_badges(
    State(state): State<AppState>,
    _: OptionalUser,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Badge>>, Error> {
    let (limit, after) = (page.limit()?, page.after::<String>(LIST)?);
    let rows = badges::page(&state.pool, after.as_deref(), limit + 1).await?;
    Ok(Json(Page::new(LIST, rows, limit, |badge| badge.slug.clone())))
}
