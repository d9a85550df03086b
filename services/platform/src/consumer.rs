//! Consumes topics as part of a group: in order per partition, partitions side by side, the offset stored after the
//! effect, so a crash repeats records and never skips one (handlers are idempotent by sequence).
//!
//! - What can't be processed goes to the dead letters ([`crate::dlq`]) with the reason, and the rest goes on.
//! - What can't be processed *now* is retried, and holds up its own partition alone: the consumer goes on polling, so
//!   the group keeps it, and no more is fetched of a partition that has enough waiting.
//! - A partition that goes to another member is given back when the record at hand is done and its offset stored.
//! - A client that reaches no broker for long is replaced by a new one, which looks for them from the beginning.

mod apply;
mod connection;
mod context;
mod lag;
mod member;
mod workers;

use std::{panic::resume_unwind, sync::Arc, time::Duration};

use rdkafka::producer::FutureProducer;
use tokio::{sync::watch, time::sleep};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

pub(crate) use apply::Applier;
use context::Context;
use member::{Group, Member};
use workers::Workers;

use crate::{
    dlq::DeadLetters,
    event::{InvalidRecord, Record},
    kafka::{Kafka, KafkaError, PATIENCE},
    problem::Chain,
    time::Timestamp,
};

/// How long to wait after Kafka couldn't be read.
const PAUSE: Duration = Duration::from_millis(100);

/// Why a record was not applied.
#[derive(Debug)]
pub enum Failure {
    /// A dependency is away: the same record again, later.
    Retry(String),
    /// Nobody can process this record: to the dead letters.
    Poison(String),
}

impl From<InvalidRecord> for Failure {
    fn from(invalid: InvalidRecord) -> Self {
        Self::Poison(invalid.to_string())
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        // a statement that fails today may pass after a migration or a restart; losing the event is worse than waiting
        Self::Retry(error.to_string())
    }
}

/// Applies records.
pub trait Handler: Send + Sync + 'static {
    /// Applies one record. Called in order per partition, and for several partitions at once; seeing a record again
    /// must change nothing.
    fn handle(&self, record: &Record) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Applies some records of a partition that wait at once: how many, from the first on. The one after these is handled
    /// by itself, as all are for handlers that leave this out.
    fn handle_ready(&self, records: &[Record]) -> impl Future<Output = usize> + Send {
        let _ = records;
        async { 0 }
    }

    /// The record was put to the dead letters: for handlers that keep the offset beside their data.
    fn buried(&self, record: &Record) -> impl Future<Output = ()> + Send {
        let _ = record;
        async {}
    }

    /// Where to start in a partition just assigned, for handlers that keep the offset beside their data; `None`
    /// takes the group's offset. Runs on a thread of the runtime that may block, in a task where nothing else runs.
    fn start_offset(&self, topic: &str, partition: i32) -> Option<i64> {
        let _ = (topic, partition);
        None
    }
}

/// A service's consumer.
pub struct EventConsumer<H: Handler> {
    group: Group<H>,
    member: Member<H>,
    /// The member's.
    workers: watch::Sender<Arc<Workers>>,
    dead_letters: DeadLetters,
}

/// What a consumer has yet to apply.
#[derive(Clone)]
pub struct Backlog(watch::Receiver<Arc<Workers>>);

impl Backlog {
    /// When the oldest of it happened.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.0.borrow().oldest().into_values().min()
    }
}

impl<H: Handler> EventConsumer<H> {
    /// A consumer of `topics` (without prefix) for `service`, in the group `tracklore-<service>`.
    pub fn new(
        kafka: &Kafka,
        dead_letters: FutureProducer,
        service: &'static str,
        topics: &[&str],
        handler: H,
    ) -> Result<Self, KafkaError> {
        let handler = Arc::new(handler);
        let dead_letters = DeadLetters::new(kafka, dead_letters, service, topics);
        let applier = Arc::new(Applier::new(Arc::clone(&handler), dead_letters.clone()));
        let topics = topics.iter().map(|topic| kafka.name(topic)).collect();
        let group = Group { kafka: kafka.clone(), service, topics, handler, applier };
        let member = group.join()?;
        let workers = watch::Sender::new(member.workers());
        Ok(Self { group, member, workers, dead_letters })
    }

    /// What waits to be applied, also while it runs.
    pub fn backlog(&self) -> Backlog {
        Backlog(self.workers.subscribe())
    }

    /// Consumes until `stop`; the records at hand are finished, and their offsets committed on the way out.
    ///
    /// A task of its own, whatever else the caller's does: the group's news hold a task up until a handler knows where to
    /// start, and what it waits for must not be held by something that is held up with it.
    pub async fn run(self, stop: CancellationToken) {
        let dead_letters = self.dead_letters.clone();
        let consuming = AbortOnDropHandle::new(tokio::spawn(self.consume(stop.clone())));
        let ((), consumed) = tokio::join!(dead_letters.measure(stop), consuming);
        if let Some(panic) = consumed.err().and_then(|error| error.try_into_panic().ok()) {
            resume_unwind(panic);
        }
    }

    async fn consume(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.member.receive(PATIENCE)).await.is_some() {
            tracing::warn!(after = ?PATIENCE, "no broker of Kafka is reached: another client looks for one");
            match self.group.join() {
                Ok(member) => {
                    // what is at hand is finished before the new member begins, if it doesn't hang
                    self.member.workers().stop_all().await;
                    self.workers.send_replace(member.workers());
                    // how long it looks for somebody to say goodbye to is its own affair
                    tokio::spawn(std::mem::replace(&mut self.member, member).leave());
                }
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "the client stays as it is");
                    stop.run_until_cancelled(sleep(PATIENCE)).await;
                }
            }
        }
        self.member.leave().await;
    }

    /// The full name of a topic, for handlers that compare.
    pub fn topic(&self, name: &str) -> String {
        self.group.kafka.name(name)
    }
}
