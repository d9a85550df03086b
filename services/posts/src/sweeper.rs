//! Removes expired posts soon after their end. Reads don't wait for it: for them a post ends at its time.

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tracklore_platform::{outbox::Relay, problem::Chain, time::Timestamp};

use crate::store;

/// Posts a transaction removes: small, so that locks are short and a killed process loses little work.
const BATCH: i64 = 100;
/// The feed drops an expired post within ten seconds; this leaves it most of them.
const INTERVAL: Duration = Duration::from_secs(1);

/// Sweeps until `stop`; every replica does, each taking other rows.
pub async fn run(pool: PgPool, relay: Relay, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match store::remove_expired(&pool, Timestamp::now(), BATCH).await {
            Ok(0) => {}
            Ok(count) => {
                tracing::info!(count, "expired posts removed");
                relay.wake();
                if i64::try_from(count).is_ok_and(|count| count == BATCH) {
                    continue;
                }
            }
            Err(error) => tracing::warn!(error = %Chain(&error), "expired posts wait to be removed"),
        }
        stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await;
    }
}
