//! How much waits in the outbox, and for how long: what to be alarmed by when Kafka is away or the relay is stuck.

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::metrics::{OUTBOX_AGE, OUTBOX_DEPTH};

const INTERVAL: Duration = Duration::from_secs(5);

/// Measures until `stop`; rows are counted up to 100,000.
pub(super) async fn run(pool: PgPool, stop: CancellationToken) {
    loop {
        if let Ok((depth, age)) = measure(&pool).await {
            #[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
            metrics::gauge!(OUTBOX_DEPTH.name).set(depth as f64);
            metrics::gauge!(OUTBOX_AGE.name).set(age);
        }
        if stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none() {
            return;
        }
    }
}

async fn measure(pool: &PgPool) -> Result<(i64, f64), sqlx::Error> {
    // the first row by id is the oldest but for transactions that were open side by side
    sqlx::query_as(
        "SELECT (SELECT count(*) FROM (SELECT FROM outbox WHERE published_at IS NULL LIMIT 100000) waiting), \
         coalesce((SELECT greatest(extract(epoch FROM clock_timestamp() - created_at), 0)::float8 FROM outbox \
         WHERE published_at IS NULL ORDER BY id LIMIT 1), 0)",
    )
    .fetch_one(pool)
    .await
}
