//! The outbox with bugs: see [`crate::deliberate`].

use sqlx::PgConnection;
use tokio::time::sleep;

use super::{Relay, relay::Row};
use crate::deliberate::{GAP, has};

/// What the relay takes next; with the bug `cursor`, what comes after the last that it took.
pub(super) fn claim() -> &'static str {
    if has("cursor") {
        "SELECT id, created_at, aggregate_type, aggregate_id, payload::text AS payload, headers FROM outbox \
         WHERE id > (SELECT coalesce(max(id), 0) FROM outbox WHERE published_at IS NOT NULL) ORDER BY id LIMIT $1"
    } else {
        "SELECT id, created_at, aggregate_type, aggregate_id, payload::text AS payload, headers FROM outbox \
         WHERE published_at IS NULL ORDER BY id LIMIT $1"
    }
}

impl Relay {
    /// With the bug `publish-before-commit`: publishes what this transaction has written, before it is committed.
    pub async fn publish_before_commit(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        if !has("publish-before-commit") {
            return Ok(());
        }
        let rows: Vec<Row> = sqlx::query_as(
            "UPDATE outbox SET published_at = now() WHERE xmin = pg_current_xact_id()::xid \
             RETURNING id, created_at, aggregate_type, aggregate_id, payload::text AS payload, headers",
        )
        .fetch_all(tx)
        .await?;
        self.publish(&rows).await;
        sleep(GAP).await;
        Ok(())
    }
}
