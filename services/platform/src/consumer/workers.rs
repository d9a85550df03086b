//! A worker for each partition: takes its records in order, those that wait at once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use rdkafka::{
    TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
};
use tokio::{
    runtime::Handle,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{JoinHandle, block_in_place},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{Applier, Context, Handler};
use crate::{event::Record, time::Timestamp};

/// With so many bytes of records waiting, a partition is paused… (librdkafka then forgets what it has fetched ahead, and
/// fetches it again, so this is rare.)
const FULL: usize = 512 * 1024;
/// …and goes on when only so many are left.
const LOW: usize = 128 * 1024;
/// So many waiting records are taken at once.
const AT_ONCE: usize = 64;
/// How long a record at hand may take when its partition is to be given back.
const PATIENCE: Duration = Duration::from_secs(5);

/// Topic and partition.
pub(super) type Place = (String, i32);

/// The workers of a consumer.
#[derive(Default)]
pub(super) struct Workers(Mutex<BTreeMap<Place, Worker>>);

struct Worker {
    queue: UnboundedSender<Record>,
    load: Arc<Mutex<Load>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What waits for a worker, in bytes. Pausing and resuming happen under its lock, so that they can't cross.
#[derive(Default)]
struct Load {
    waiting: usize,
    paused: bool,
    /// When what the record at hand tells of happened.
    since: Option<Timestamp>,
}

/// Hands the record to the worker of its partition.
pub(super) fn dispatch<H: Handler>(
    workers: &Workers,
    consumer: &Arc<StreamConsumer<Context<H>>>,
    applier: &Arc<Applier<H>>,
    record: Record,
) {
    let place = (record.topic.clone(), record.partition);
    let mut workers = lock(&workers.0);
    let worker = workers
        .entry(place.clone())
        .or_insert_with(|| start(place.clone(), consumer.clone(), applier.clone()));
    {
        let mut load = lock(&worker.load);
        load.waiting += record.size();
        if load.waiting >= FULL && !load.paused {
            load.paused = consumer.pause(&list(&place)).is_ok();
            tracing::debug!(topic = place.0, partition = place.1, "paused: its worker is behind");
        }
    }
    // a worker ends only when its partition is taken away, which takes it out of the map
    drop(worker.queue.send(record));
}

impl Workers {
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
            if let Some(since) = lock(&worker.load).since {
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

fn start<H: Handler>(
    place: Place,
    consumer: Arc<StreamConsumer<Context<H>>>,
    applier: Arc<Applier<H>>,
) -> Worker {
    let (queue, records) = unbounded_channel();
    let (load, stop) = (Arc::<Mutex<Load>>::default(), CancellationToken::new());
    let task = tokio::spawn(work(place, consumer, applier, records, Arc::clone(&load), stop.clone()));
    Worker { queue, load, stop, task }
}

async fn work<H: Handler>(
    place: Place,
    consumer: Arc<StreamConsumer<Context<H>>>,
    applier: Arc<Applier<H>>,
    mut records: UnboundedReceiver<Record>,
    load: Arc<Mutex<Load>>,
    stop: CancellationToken,
) {
    let mut waiting = Vec::new();
    while let Some(1..) = stop.run_until_cancelled(records.recv_many(&mut waiting, AT_ONCE)).await {
        let mut left = waiting.as_slice();
        while let Some(record) = left.first() {
            lock(&load).since = record.occurred_at();
            let (done, rest) = left.split_at(applier.apply_some(left, &stop).await);
            settled(&place, &consumer, &load, done);
            if stop.is_cancelled() {
                return;
            }
            left = rest;
        }
        waiting.clear();
    }
}

/// These records are done with.
fn settled<H: Handler>(
    place: &Place,
    consumer: &StreamConsumer<Context<H>>,
    load: &Mutex<Load>,
    records: &[Record],
) {
    let Some(last) = records.last() else { return };
    if let Err(error) = consumer.store_offset(&place.0, place.1, last.offset) {
        // the partition went to another member: it will see the records again, which changes nothing
        tracing::debug!(%error, "offset not stored");
    }
    let mut load = lock(load);
    load.waiting -= records.iter().map(Record::size).sum::<usize>();
    if load.waiting == 0 {
        load.since = None;
    }
    if load.paused && load.waiting <= LOW {
        load.paused = consumer.resume(&list(place)).is_err();
    }
}

fn list((topic, partition): &Place) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, *partition);
    list
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
