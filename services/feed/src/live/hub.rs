//! Reads the log, once for all connections of this process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::RedisResult;
use tokio::{sync::broadcast, time::sleep};
use tokio_util::sync::CancellationToken;

use super::change::{After, Change, Entry, LOG, Position, after, begin};
use crate::redis::Redis;

/// How far a connection may fall behind before it reads on from Redis.
const CAPACITY: usize = 512;
/// Entries at once.
const BATCH: usize = 256;
/// How long to wait for the next entry before looking whether the log is still the same.
const WAIT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(200);

/// Where connections hear of changes.
#[derive(Clone)]
pub struct Hub {
    redis: Redis,
    sender: broadcast::Sender<Arc<Entry>>,
    /// Up to where everything was handed on; none before the log was seen.
    end: Arc<Mutex<Option<Position>>>,
}

impl Hub {
    /// Nothing is heard before [`Self::run`].
    pub fn new(redis: Redis) -> Self {
        Self { redis, sender: broadcast::Sender::new(CAPACITY), end: Arc::default() }
    }

    /// Changes from now on, and the place in the log where they begin; `None` while the log can't be read.
    pub fn subscribe(&self) -> Option<(broadcast::Receiver<Arc<Entry>>, Position)> {
        let end = self.lock();
        // nothing is handed on meanwhile
        Some((self.sender.subscribe(), end.clone()?))
    }

    /// Up to where everything was handed on.
    pub fn position(&self) -> Option<Position> {
        self.lock().clone()
    }

    /// Whether nothing was handed on since.
    pub fn is_at(&self, position: &Position) -> bool {
        self.lock().as_ref() == Some(position)
    }

    /// The log's own Redis connection, shared.
    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// Hands on the log until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let work = async {
            loop {
                if let Err(error) = self.follow().await {
                    tracing::warn!(%error, "the log of changes can't be read");
                }
                sleep(PAUSE).await;
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// Follows the log for as long as Redis answers.
    async fn follow(&self) -> RedisResult<()> {
        let mut waiting = self.redis.dedicated(WAIT * 2).await?;
        loop {
            let start = self.lock().clone();
            match (after(&self.redis, start.as_ref(), BATCH).await?, start) {
                (After::Entries(entries), Some(start)) if entries.is_empty() => {
                    // only waits: whether what comes is the same log's is seen by `after`
                    let mut command = redis::cmd("XREAD");
                    command.arg("BLOCK").arg(u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX));
                    command.arg("COUNT").arg(1).arg("STREAMS").arg(LOG).arg(start.id.to_string());
                    waiting.send_packed_command(&command).await?.extract_error()?;
                }
                (After::Entries(entries), _) => self.hand_on(entries),
                (After::Lost(end), _) if end.epoch.is_empty() => begin(&self.redis).await?,
                (After::Lost(end), start) => {
                    if start.is_some() {
                        tracing::warn!("the log of changes was lost, streams start anew");
                        metrics::counter!(crate::metrics::LOG_LOST.name).increment(1);
                    }
                    self.hand_on(vec![Entry { position: end, change: Change::Everything, trace: None }]);
                }
            }
        }
    }

    fn hand_on(&self, entries: Vec<Entry>) {
        let mut end = self.lock();
        for entry in entries {
            *end = Some(entry.position.clone());
            // nobody may be listening
            drop(self.sender.send(Arc::new(entry)));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Position>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
