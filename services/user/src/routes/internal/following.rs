//! `GET /internal/v1/users/{id}/following`: whose posts a home feed holds, for its first filling.

use axum::{Json, extract::State};
use serde::Deserialize;
use tracklore_platform::{
    docs::ForServices,
    extract::{Path, Query},
    id::UserId,
    page::{Page, PageQuery},
    problem::Problem,
    token::Service,
};
use utoipa::IntoParams;

use crate::{error::Error, openapi::problems, state::AppState, store::people};

/// Ids are small, and a home feed needs all of them.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

/// Which of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FollowingQuery {
    /// How many ids at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

problems! { Problems: 404 => "`not-found`: no such user, or deleted" }

/// The ids of those whom a user follows
///
/// By ascending id, suspended ones too.
#[utoipa::path(
    get, path = "/internal/v1/users/{id}/following", tag = "internal", operation_id = "list_following_ids",
    security(("service" = [])),
    params(("id" = UserId, Path, description = "The user's id"), FollowingQuery),
    responses((status = 200, description = "A page of ids", body = Page<UserId>), Problems, ForServices)
)]
pub async fn following(
    State(state): State<AppState>,
    _: Service,
    Path(id): Path<UserId>,
    Query(query): Query<FollowingQuery>,
) -> Result<Json<Page<UserId>>, Error> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::malformed(format!("limit must be from 1 to {MAX_LIMIT}.")).into());
    }
    let list = format!("internal-following {id}");
    let after = PageQuery { limit: None, cursor: query.cursor }.after(&list)?;
    state.directory.require_account(id).await?;
    let rows = people::following_ids(&state.pool, id, after, limit + 1).await?;
    Ok(Json(Page::new(&list, rows, limit, |id| *id)))
}
