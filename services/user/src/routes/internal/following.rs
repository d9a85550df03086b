//! `GET /internal/v1/users/{id}/following`: whose posts a home feed holds, for its first filling.

use axum::{Json, extract::State};
use serde::Deserialize;
use tracklore_platform::{
    extract::{Path, Query},
    id::UserId,
    page::{Page, PageQuery},
    problem::Problem,
    token::Service,
};

use crate::{error::Error, state::AppState, store::people};

/// Ids are small, and a home feed needs all of them.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

/// Which of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowingQuery {
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Answers the ids of those whom a user follows, by ascending id, suspended ones too; 404 for unknown and deleted users.
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
