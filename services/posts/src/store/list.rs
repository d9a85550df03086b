//! Lists of posts. Each statement has the rule of who sees what as its own condition, so a page is full of posts that
//! the viewer may see, and paging never tells of others.

use sqlx::{PgPool, types::Json};
use tracklore_platform::{id::UserId, time::Timestamp};
use uuid::Uuid;

use super::columns;
use crate::{
    post::{Attributes, Post},
    visibility::{Viewer, seen_by_viewer},
};

/// Which posts a list has; at least one of the two.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Posts of one author.
    Author(UserId),
    /// Posts that have all of these attributes.
    Attributes(Attributes),
    /// Both.
    AuthorAndAttributes(UserId, Attributes),
}

/// Where an item stands in a list: newest first, the id deciding within a millisecond.
pub type Position = (i64, Uuid);

/// A page of the list with this condition on `$6` (and `$7`), after the position in `$3` and `$4`.
macro_rules! page_of {
    ($filter:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM posts WHERE ",
            $filter,
            " AND ",
            seen_by_viewer!(),
            " AND (created_at, id) < (coalesce($3, 'infinity'), ",
            "coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) ",
            "ORDER BY created_at DESC, id DESC LIMIT $5"
        )
    };
}

/// Up to `limit` posts after `after`, newest first.
pub async fn page(
    pool: &PgPool,
    filter: &Filter,
    viewer: &Viewer,
    after: Option<Position>,
    limit: usize,
) -> sqlx::Result<Vec<Post>> {
    let statement = match filter {
        Filter::Author(_) => page_of!("author_id = $6"),
        Filter::Attributes(_) => page_of!("attributes @> $6"),
        Filter::AuthorAndAttributes(..) => page_of!("author_id = $6 AND attributes @> $7"),
    };
    let query = sqlx::query_as(statement)
        .bind(viewer.user)
        .bind(viewer.now)
        .bind(after.map(|(millis, _)| Timestamp::from_unix_millis(millis)))
        .bind(after.map(|(_, id)| id))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let query = match filter {
        Filter::Author(author) => query.bind(author),
        Filter::Attributes(attributes) => query.bind(Json(attributes)),
        Filter::AuthorAndAttributes(author, attributes) => query.bind(author).bind(Json(attributes)),
    };
    query.fetch_all(pool).await
}

/// Those of `ids` that the viewer may see, in the order asked.
pub async fn by_ids(pool: &PgPool, ids: &[Uuid], viewer: &Viewer) -> sqlx::Result<Vec<Post>> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM posts WHERE id = ANY($3) AND ",
        seen_by_viewer!(),
        " ORDER BY array_position($3, id)"
    ))
    .bind(viewer.user)
    .bind(viewer.now)
    .bind(ids)
    .fetch_all(pool)
    .await
}
