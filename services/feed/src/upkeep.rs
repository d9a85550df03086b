//! Keeps Redis small: the lists of authors whom nobody has needed for a while are forgotten, and come back on demand.

use std::time::Duration;

use redis::RedisResult;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracklore_platform::{id::UserId, time::Timestamp};

use crate::{fill::Filler, library, lists::List, page::GENERATION, redis::Redis};

/// Lists that were neither read nor written to for so long are forgotten, unless a reader of a home feed needs them.
pub const IDLE: Duration = Duration::from_hours(7 * 24);
const INTERVAL: Duration = Duration::from_mins(1);
/// Authors at once, so that nobody waits for it.
const BATCH: usize = 50;
/// How long filling the global list may keep the rest waiting.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs until `stop`.
pub async fn run(redis: Redis, filler: Filler, stop: CancellationToken) {
    let work = async {
        loop {
            // reads would notice, too, and then wait for it
            filler.fill([List::Global], PATIENCE).await;
            if let Err(error) = forget(&redis).await {
                tracing::warn!(%error, "idle lists can't be forgotten now");
            }
            sleep(INTERVAL).await;
        }
    };
    stop.run_until_cancelled(work).await;
}

async fn forget(redis: &Redis) -> RedisResult<()> {
    while evict(redis, Timestamp::now(), IDLE, BATCH).await? == BATCH {}
    Ok(())
}

/// Forgets the lists of up to `batch` authors idle for `idle` at `now`; how many were looked at.
pub async fn evict(redis: &Redis, now: Timestamp, idle: Duration, batch: usize) -> RedisResult<usize> {
    let now = now.unix_millis();
    let before = now - i64::try_from(idle.as_millis()).unwrap_or(i64::MAX);
    let args = [before.to_string(), now.to_string(), batch.to_string()];
    library::call(redis, "evict", &[GENERATION], &args.each_ref().map(String::as_bytes)).await
}

/// Says that somebody needs an author's lists.
pub async fn touch(redis: &Redis, author: UserId) -> RedisResult<()> {
    let args = [author.to_string(), Timestamp::now().unix_millis().to_string()];
    library::call(redis, "touch", &[GENERATION], &args.each_ref().map(String::as_bytes)).await
}
