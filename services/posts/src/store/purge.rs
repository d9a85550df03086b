//! Removing what a deleted user leaves behind. The tombstone comes first: from then on nothing of the user is written.
//! A transaction that looked before it may still commit after it, so a user counts as purged only when nothing was
//! found well after the tombstone: requests are cut long before that.

use std::time::Duration;

use sqlx::PgPool;
use tracklore_platform::{id::UserId, outbox, time::Timestamp};

use super::columns;
use crate::{
    event::{Reason, SOURCE, deleted},
    post::Post,
};

/// No transaction of a request lasts so long.
const SETTLED: Duration = Duration::from_mins(1);

/// Remembers that the user was deleted.
pub async fn forget_user(pool: &PgPool, user: UserId, deleted_at: Timestamp) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO deleted_users (id, deleted_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
        .bind(user)
        .bind(deleted_at)
        .execute(pool)
        .await
        .map(drop)
}

/// Deleted users of whom something may be left.
pub async fn to_purge(pool: &PgPool) -> sqlx::Result<Vec<UserId>> {
    sqlx::query_scalar("SELECT id FROM deleted_users WHERE purged_at IS NULL ORDER BY noticed_at LIMIT 100")
        .fetch_all(pool)
        .await
}

/// Removes up to `limit` posts of a deleted user, each with its event, then the rest; how many posts went. Any number
/// of replicas do so at once, each taking other rows.
pub async fn purge_some(pool: &PgPool, user: UserId, now: Timestamp, limit: i64) -> sqlx::Result<usize> {
    let mut tx = pool.begin().await?;
    let gone: Vec<Post> = sqlx::query_as(concat!(
        "DELETE FROM posts WHERE id = ANY(ARRAY(SELECT id FROM posts WHERE author_id = $1 ",
        "ORDER BY created_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING ",
        columns!()
    ))
    .bind(user)
    .bind(limit)
    .fetch_all(&mut *tx)
    .await?;
    for post in &gone {
        outbox::append(&mut tx, SOURCE, &deleted(post, Reason::UserDeleted, now)).await?;
    }
    if gone.is_empty() {
        for statement in [
            "DELETE FROM follows WHERE follower_id = $1 OR followee_id = $1",
            // kept answers hold the posts' texts
            "DELETE FROM idempotency_keys WHERE actor = $1",
        ] {
            sqlx::query(statement).bind(user).execute(&mut *tx).await?;
        }
    }
    tx.commit().await?;
    Ok(gone.len())
}

/// Deleted users of whom no posts are left, for sure by now.
pub async fn almost_purged(pool: &PgPool) -> sqlx::Result<Vec<UserId>> {
    sqlx::query_scalar(
        "SELECT id FROM deleted_users WHERE purged_at IS NULL AND noticed_at < now() - make_interval(secs => $1) \
         AND NOT EXISTS (SELECT FROM posts WHERE author_id = deleted_users.id) ORDER BY noticed_at LIMIT 100",
    )
    .bind(SETTLED.as_secs_f64())
    .fetch_all(pool)
    .await
}

/// Notes that nothing of these users is left.
pub async fn purged(pool: &PgPool, users: &[UserId]) -> sqlx::Result<()> {
    sqlx::query("UPDATE deleted_users SET purged_at = now() WHERE id = ANY($1)")
        .bind(users)
        .execute(pool)
        .await
        .map(drop)
}
