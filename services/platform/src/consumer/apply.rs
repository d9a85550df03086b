//! Applying one record, however long it takes: retried while something is away, buried when nobody can process it.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{sync::Semaphore, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Failure, Handler};
use crate::{dlq::DeadLetters, event::Record, problem::Chain};

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(5);
/// Records that a process handles at once, however many partitions it has.
const AT_ONCE: usize = 8;

/// A handler with what surrounds it.
pub(crate) struct Applier<H> {
    handler: Arc<H>,
    dead_letters: DeadLetters,
    permits: Semaphore,
}

impl<H: Handler> Applier<H> {
    pub(crate) fn new(handler: Arc<H>, dead_letters: DeadLetters) -> Self {
        Self { handler, dead_letters, permits: Semaphore::new(AT_ONCE) }
    }

    /// Applies the record or puts it to the dead letters; false when stopped before.
    pub(crate) async fn apply(&self, record: &Record, stop: &CancellationToken) -> bool {
        let trace = record.trace();
        let span = tracing::info_span!("event", trace_id = %trace.trace_id(), topic = record.topic,
            partition = record.partition, offset = record.offset);
        trace.scope(self.until_settled(record, stop)).instrument(span).await
    }

    async fn until_settled(&self, record: &Record, stop: &CancellationToken) -> bool {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let reason = match self.handle(record).await {
                Ok(()) => {
                    metrics::counter!("consumer_records_total", "topic" => record.topic.clone()).increment(1);
                    return true;
                }
                Err(Failure::Poison(reason)) => match self.dead_letters.bury(record, &reason).await {
                    Ok(()) => {
                        self.handler.buried(record).await;
                        return true;
                    }
                    Err(error) => format!("dead letter not taken: {}", Chain(&error)),
                },
                Err(Failure::Retry(reason)) => reason,
            };
            metrics::counter!("consumer_retries_total", "topic" => record.topic.clone()).increment(1);
            tracing::warn!(reason, ?backoff, "event will be retried");
            if stop.run_until_cancelled(sleep(backoff)).await.is_none() {
                return false;
            }
            backoff = (backoff * 2).min(LAST_BACKOFF);
        }
    }

    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        // never closed
        let _permit = self.permits.acquire().await;
        // a record that makes the handler panic would otherwise end its partition's worker, and so block it for ever
        match AssertUnwindSafe(self.handler.handle(record)).catch_unwind().await {
            Ok(handled) => handled,
            Err(_) => Err(Failure::Poison("the handler panicked; the log says where".to_owned())),
        }
    }
}
