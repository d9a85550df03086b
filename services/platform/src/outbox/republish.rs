//! `republish`: sends events again that were published before, for a Kafka that has lost them.

use sqlx::PgPool;

use super::relay::LOCK;
use crate::time::Timestamp;

/// What to send again.
#[derive(clap::Args, Clone, Debug)]
pub struct RepublishArgs {
    /// All events written at this time or later, such as 2026-11-20T09:30:00Z. Published events are kept as long as the
    /// topic keeps them.
    #[arg(long)]
    pub since: Timestamp,
}

/// Marks the events (only those of aggregates of the type `only`, if there is one) as not yet published; the relay of the running service then sends them, in their order. How many.
///
/// Consumers skip what they know, so it is safe to repeat. One transaction under the relay's lock: no relay may be at
/// work on a later event of an aggregate whose earlier ones are about to follow it, because a compacted topic keeps
/// the last record of a key.
pub async fn republish(pool: &PgPool, since: Timestamp, only: Option<&str>) -> Result<u64, sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    let marked = sqlx::query(
        "UPDATE outbox SET published_at = NULL \
         WHERE created_at >= $1 AND published_at IS NOT NULL AND ($2::text IS NULL OR aggregate_type = $2)",
    )
    .bind(since)
    .bind(only)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(marked.rows_affected())
}
