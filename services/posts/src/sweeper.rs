//! Removes posts that have to go by themselves: those whose time is over, and those of deleted users. Reads don't wait
//! for it: for them a post ends at its time.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracklore_platform::{dlq::DeadLetters, id::UserId, outbox::Relay, problem::Chain, time::Timestamp};

use crate::store;

/// Posts a transaction removes: small, so that locks are short and a killed process loses little work.
const BATCH: i64 = 100;
/// The feed drops an expired post within ten seconds; this leaves it most of them.
const INTERVAL: Duration = Duration::from_secs(1);

/// Calls the sweeper before its time.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

/// What the sweeper works with.
#[derive(Clone)]
pub struct Sweeper {
    /// Where the posts are.
    pub pool: PgPool,
    /// Told of events.
    pub relay: Relay,
    /// Who calls.
    pub wake: Wake,
    /// Where what a deleted user's events left behind lies.
    pub dead_letters: DeadLetters,
}

/// Which posts have to go.
#[derive(Clone, Copy)]
enum Doomed {
    /// Those whose time is over.
    Expired,
    /// Those of a deleted user.
    Of(UserId),
}

impl Wake {
    /// There is something to remove.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

impl Sweeper {
    /// Sweeps until `stop`; every replica does, each taking other rows.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.sweep(&stop).await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "posts removed that have expired or lost their author"),
                Err(error) => tracing::warn!(error = %Chain(&error), "posts wait to be removed"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.0.notified() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    async fn sweep(&self, stop: &CancellationToken) -> sqlx::Result<usize> {
        let mut removed = self.all(stop, Doomed::Expired).await?;
        for user in store::to_purge(&self.pool).await? {
            removed += self.all(stop, Doomed::Of(user)).await?;
            if stop.is_cancelled() {
                break;
            }
        }
        self.finish().await?;
        Ok(removed)
    }

    /// The last step for users of whom no posts are left: their dead letters go too.
    async fn finish(&self) -> sqlx::Result<()> {
        let users = store::almost_purged(&self.pool).await?;
        if users.is_empty() {
            return Ok(());
        }
        match self.dead_letters.forget(&users).await {
            Ok(_) => store::purged(&self.pool, &users).await,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "dead letters of deleted users wait to go");
                Ok(())
            }
        }
    }

    /// Batch after batch, until one isn't full.
    async fn all(&self, stop: &CancellationToken, doomed: Doomed) -> sqlx::Result<usize> {
        let mut removed = 0;
        while !stop.is_cancelled() {
            let now = Timestamp::now();
            let count = match doomed {
                Doomed::Expired => store::remove_expired(&self.pool, now, BATCH).await?,
                Doomed::Of(user) => store::purge_some(&self.pool, user, now, BATCH).await?,
            };
            if count > 0 {
                removed += count;
                self.relay.wake();
            }
            if i64::try_from(count).is_ok_and(|count| count < BATCH) {
                break;
            }
        }
        Ok(removed)
    }
}
