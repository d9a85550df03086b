//! Giving posts numbers above those that the log has of them.

use sqlx::PgConnection;
use uuid::Uuid;

use super::columns;
use crate::post::Post;

/// Of these posts and numbers: those posts that are there, each now with a version above its own and above the number.
/// Nothing else of them changes, so there is nothing to be kept among the revisions.
pub async fn raise(tx: &mut PgConnection, above: &[(Uuid, i64)]) -> sqlx::Result<Vec<Post>> {
    let (ids, numbers): (Vec<Uuid>, Vec<i64>) = above.iter().copied().unzip();
    sqlx::query_as(concat!(
        "UPDATE posts SET version = greatest(version, above.number) + 1 ",
        "FROM unnest($1::uuid[], $2::bigint[]) AS above (post, number) WHERE id = above.post RETURNING ",
        columns!()
    ))
    .bind(ids)
    .bind(numbers)
    .fetch_all(tx)
    .await
}
