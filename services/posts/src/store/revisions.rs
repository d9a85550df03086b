//! Earlier versions of posts. A post keeps the newest hundred: nobody's history may fill the database.

use sqlx::{PgConnection, PgPool, types::Json};
use uuid::Uuid;

use crate::{
    post::{Post, Revision},
    visibility::{Viewer, seen_by_viewer},
};

/// Revisions that a post keeps.
const KEPT: i64 = 100;

/// Keeps what a locked post is before a change.
pub(super) async fn keep(tx: &mut PgConnection, post: &Post) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO revisions (post_id, version, text, attributes, written_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(post.id)
    .bind(post.version)
    .bind(&post.text)
    .bind(Json(&post.attributes))
    .bind(post.updated_at)
    .execute(&mut *tx)
    .await?;
    if post.version > KEPT {
        sqlx::query("DELETE FROM revisions WHERE post_id = $1 AND version <= $2")
            .bind(post.id)
            .bind(post.version - KEPT)
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Up to `limit` revisions below version `before`, newest first; none when the viewer may not see the post.
pub async fn page(
    pool: &PgPool,
    post: Uuid,
    viewer: &Viewer,
    before: Option<i64>,
    limit: usize,
) -> sqlx::Result<Vec<Revision>> {
    sqlx::query_as(concat!(
        "SELECT revisions.version, revisions.text, revisions.attributes, revisions.written_at \
         FROM posts JOIN revisions ON post_id = id WHERE id = $3 AND ",
        seen_by_viewer!(),
        " AND revisions.version < coalesce($4, 9223372036854775807) ORDER BY revisions.version DESC LIMIT $5"
    ))
    .bind(viewer.user)
    .bind(viewer.now)
    .bind(post)
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await
}
