//! A worker for each partition: takes its records in order, those that wait at once.
//!
//! Records wait in librdkafka's queue of the partition, which fetches no more while that is full: a worker that is held up
//! holds up its own partition only, and memory stays bounded.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{FutureExt, future::join_all};
use rdkafka::consumer::{Consumer, StreamConsumer, stream_consumer::StreamPartitionQueue};
use tokio::{
    runtime::Handle,
    task::{JoinHandle, block_in_place},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Applier, Context, Handler, PAUSE};
use crate::{event::Record, time::Timestamp};

/// So many waiting records are taken at once…
const AT_ONCE: usize = 64;
/// …or as many as have so many bytes.
const BYTES_AT_ONCE: usize = 256 * 1024;
/// How long a record at hand may take when its partition is to be given back.
const PATIENCE: Duration = Duration::from_secs(5);

/// Topic and partition.
pub(super) type Place = (String, i32);

/// When what the record at hand tells of happened.
type Since = Arc<Mutex<Option<Timestamp>>>;

/// The workers of a consumer.
#[derive(Default)]
pub(super) struct Workers(Mutex<BTreeMap<Place, Worker>>);

struct Worker {
    since: Since,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What a worker needs.
struct Work<H: Handler> {
    place: Place,
    consumer: Arc<StreamConsumer<Context<H>>>,
    records: StreamPartitionQueue<Context<H>>,
    applier: Arc<Applier<H>>,
    since: Since,
    stop: CancellationToken,
}

impl Workers {
    /// Starts the worker of a partition that is about to be assigned.
    pub(super) fn start<H: Handler>(
        &self,
        place: Place,
        consumer: &Arc<StreamConsumer<Context<H>>>,
        applier: &Arc<Applier<H>>,
    ) {
        let Some(records) = consumer.split_partition_queue(&place.0, place.1) else {
            tracing::error!(topic = place.0, partition = place.1, "the partition has no queue");
            return;
        };
        let (since, stop) = (Since::default(), CancellationToken::new());
        let work = Work {
            place: place.clone(),
            consumer: Arc::clone(consumer),
            records,
            applier: Arc::clone(applier),
            since: Arc::clone(&since),
            stop: stop.clone(),
        };
        let task = tokio::spawn(work.go_on());
        lock(&self.0).insert(place, Worker { since, stop, task });
    }

    /// Ends the workers of these partitions, from the callback of the group's news.
    pub(super) fn stop(&self, places: Vec<Place>) {
        let ending: Vec<_> = {
            let mut workers = lock(&self.0);
            places.into_iter().filter_map(|place| workers.remove(&place)).collect()
        };
        if !ending.is_empty() {
            block_in_place(|| Handle::current().block_on(end(ending)));
        }
    }

    /// Of each topic that has something to apply, when the oldest of it happened.
    pub(super) fn oldest(&self) -> BTreeMap<String, Timestamp> {
        let mut oldest = BTreeMap::new();
        for ((topic, _), worker) in lock(&self.0).iter() {
            if let Some(since) = *lock(&worker.since) {
                oldest
                    .entry(topic.clone())
                    .and_modify(|at: &mut Timestamp| *at = since.min(*at))
                    .or_insert(since);
            }
        }
        oldest
    }

    /// Ends all workers.
    pub(super) async fn stop_all(&self) {
        let ending = std::mem::take(&mut *lock(&self.0)).into_values().collect();
        end(ending).await;
    }
}

async fn end(workers: Vec<Worker>) {
    for worker in &workers {
        worker.stop.cancel();
    }
    if timeout(PATIENCE, join_all(workers.into_iter().map(|worker| worker.task))).await.is_err() {
        tracing::warn!("a record is still being applied while its partition is given back");
    }
}

impl<H: Handler> Work<H> {
    async fn go_on(self) {
        while let Some(waiting) = self.stop.run_until_cancelled(self.take()).await {
            let mut left = waiting.as_slice();
            while let Some(record) = left.first() {
                *lock(&self.since) = record.occurred_at();
                let (done, rest) = left.split_at(self.applier.apply_some(left, &self.stop).await);
                self.settled(done);
                if self.stop.is_cancelled() {
                    return;
                }
                left = rest;
            }
        }
    }

    /// The next records: one at least, and what waits behind it.
    async fn take(&self) -> Vec<Record> {
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < AT_ONCE && bytes < BYTES_AT_ONCE {
            let received = match self.records.recv().now_or_never() {
                Some(received) => received,
                None if records.is_empty() => {
                    *lock(&self.since) = None;
                    self.records.recv().await
                }
                None => break,
            };
            match received {
                Ok(message) => {
                    let record = Record::from_message(&message);
                    bytes += record.size();
                    records.push(record);
                }
                Err(error) => {
                    tracing::warn!(%error, topic = self.place.0, partition = self.place.1, "Kafka can't be read");
                    sleep(PAUSE).await;
                }
            }
        }
        records
    }

    /// These records are done with.
    fn settled(&self, records: &[Record]) {
        let Some(last) = records.last() else { return };
        if let Err(error) = self.consumer.store_offset(&self.place.0, self.place.1, last.offset) {
            // the partition went to another member: it will see the records again, which changes nothing
            tracing::debug!(%error, "offset not stored");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
