//! How much waits in the outbox, and for how long: what to be alarmed by when Kafka is away or the relay is stuck.

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_secs(5);

/// Sets `outbox_depth` (rows, counted up to 100,000) and `outbox_oldest_age_seconds` until `stop`.
pub(super) async fn run(pool: PgPool, stop: CancellationToken) {
    loop {
        if let Ok((depth, age)) = measure(&pool).await {
            #[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
            metrics::gauge!("outbox_depth").set(depth as f64);
            metrics::gauge!("outbox_oldest_age_seconds").set(age);
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
