//! Applying the records of a partition: those that wait at once where the handler knows how, each of the others by itself,
//! however long it takes: retried while something is away, buried when nobody can process it.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracklore_telemetry::log::About;

use super::{Failure, Handler};
use crate::{
    dlq::DeadLetters,
    event::Record,
    metrics::{CONSUMED, PROCESSING, RETRIES},
    problem::Chain,
    trace::{Described, Kind, Span},
};

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

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Applied,
    Buried,
    Stopped,
}

impl<H: Handler> Applier<H> {
    pub(crate) fn new(handler: Arc<H>, dead_letters: DeadLetters) -> Self {
        Self { handler, dead_letters, permits: Semaphore::new(AT_ONCE) }
    }

    /// Applies some of these records, from the first on; how many. At least one, unless stopped before.
    pub(super) async fn apply_some(&self, records: &[Record], stop: &CancellationToken) -> usize {
        let ready = self.apply_ready(records).await;
        match records.get(ready) {
            Some(record) if !stop.is_cancelled() => ready + usize::from(self.apply(record, stop).await),
            _ => ready,
        }
    }

    async fn apply_ready(&self, records: &[Record]) -> usize {
        if records.len() < 2 {
            return 0;
        }
        let started = Instant::now();
        let _permit = self.permits.acquire().await;
        // a record that makes the handler panic is found when it is handled by itself
        let ready = AssertUnwindSafe(self.handler.handle_ready(records)).catch_unwind().await.unwrap_or(0);
        for record in records.iter().take(ready) {
            tell_applied(record, started);
        }
        ready
    }

    /// Applies the record or puts it to the dead letters; false when stopped before.
    pub(crate) async fn apply(&self, record: &Record, stop: &CancellationToken) -> bool {
        let span = Span::entry(Kind::Consumer, record.trace());
        let about = About::default()
            .with("topic", record.topic.clone())
            .with("partition", i64::from(record.partition))
            .with("offset", record.offset);
        let outcome = span.run(about.scope(self.until_settled(record, stop))).await;
        span.end(outcome == Outcome::Buried, || {
            let described = Described::new(format!("process {}", record.topic))
                .with("messaging.system", "kafka")
                .with("messaging.operation.type", "process")
                .with("messaging.destination.name", record.topic.clone())
                .with("messaging.destination.partition.id", record.partition.to_string())
                .with("messaging.kafka.offset", record.offset);
            if outcome == Outcome::Buried { described.failed("put to the dead letters") } else { described }
        });
        outcome != Outcome::Stopped
    }

    async fn until_settled(&self, record: &Record, stop: &CancellationToken) -> Outcome {
        let started = Instant::now();
        let mut backoff = FIRST_BACKOFF;
        loop {
            let reason = match self.handle(record).await {
                Ok(()) => {
                    tell_applied(record, started);
                    return Outcome::Applied;
                }
                Err(Failure::Poison(reason)) => match self.dead_letters.bury(record, &reason).await {
                    Ok(()) => {
                        self.handler.buried(record).await;
                        return Outcome::Buried;
                    }
                    Err(error) => format!("dead letter not taken: {}", Chain(&error)),
                },
                Err(Failure::Retry(reason)) => reason,
            };
            metrics::counter!(RETRIES.name, "messaging_destination_name" => record.topic.clone())
                .increment(1);
            tracing::warn!(reason, ?backoff, "event will be retried");
            if stop.run_until_cancelled(sleep(backoff)).await.is_none() {
                return Outcome::Stopped;
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

fn tell_applied(record: &Record, started: Instant) {
    let topic = record.topic.clone();
    metrics::histogram!(PROCESSING.name, "messaging_destination_name" => topic.clone())
        .record(started.elapsed());
    metrics::counter!(CONSUMED.name, "messaging_destination_name" => topic).increment(1);
}
