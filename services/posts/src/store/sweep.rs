//! Removing posts whose time is over.

use sqlx::PgPool;
use tracklore_platform::{outbox, time::Timestamp};

use super::columns;
use crate::{
    event::{Reason, SOURCE, deleted},
    post::Post,
};

/// Removes up to `limit` posts that expired by `now`, with an event each; how many. Rows that a request or another
/// replica holds are left to the next time: nobody waits for the sweep.
pub async fn remove_expired(pool: &PgPool, now: Timestamp, limit: i64) -> sqlx::Result<usize> {
    let mut tx = pool.begin().await?;
    let gone: Vec<Post> = sqlx::query_as(concat!(
        "DELETE FROM posts WHERE id = ANY(ARRAY(SELECT id FROM posts WHERE expires_at <= $1 ",
        "ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING ",
        columns!()
    ))
    .bind(now)
    .bind(limit)
    .fetch_all(&mut *tx)
    .await?;
    for post in &gone {
        outbox::append(&mut tx, SOURCE, &deleted(post, Reason::Expired, now)).await?;
    }
    tx.commit().await?;
    Ok(gone.len())
}
