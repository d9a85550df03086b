//! `blocks`.

use sqlx::{PgConnection, PgExecutor};
use tracklore_platform::{id::UserId, time::Timestamp};

use crate::actor::Actor;

/// Whether `who` has blocked `whom`.
pub async fn exists(executor: impl PgExecutor<'_>, who: UserId, whom: UserId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM blocks WHERE blocker_id = $1 AND blocked_id = $2)")
        .bind(who)
        .bind(whom)
        .fetch_one(executor)
        .await
}

/// Blocks; again changes nothing. Both accounts must be locked.
pub async fn insert(
    connection: &mut PgConnection,
    actor: &Actor,
    blocked: UserId,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO blocks (blocker_id, blocked_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(actor.id())
    .bind(blocked)
    .bind(now)
    .execute(connection)
    .await
    .map(drop)
}

/// Takes a block back.
pub async fn delete(
    executor: impl PgExecutor<'_>,
    actor: &Actor,
    blocked: UserId,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM blocks WHERE blocker_id = $1 AND blocked_id = $2")
        .bind(actor.id())
        .bind(blocked)
        .execute(executor)
        .await
        .map(drop)
}
