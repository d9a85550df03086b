//! Consumes topics as part of a group: in order per partition, the offset stored after the effect, so a crash repeats
//! records and never skips one (handlers are idempotent by sequence). What can't be processed goes to
//! `<topic>.<service>.dlq` with the reason, and the rest goes on; what can't be processed *now* is retried.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    ClientContext, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol, StreamConsumer},
    error::KafkaResult,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
    types::RDKafkaRespErr,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    event::{InvalidRecord, Record},
    kafka::{Kafka, KafkaError},
};

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(5);

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
    /// Applies one record. Called in order per partition; seeing a record again must change nothing.
    fn handle(&self, record: &Record) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The record was put to the dead letters: for handlers that keep the offset beside their data.
    fn buried(&self, record: &Record) -> impl Future<Output = ()> + Send {
        let _ = record;
        async {}
    }

    /// Where to start in a partition just assigned, for handlers that keep the offset beside their data; `None`
    /// takes the group's offset. Runs on a thread of the runtime that may block.
    fn start_offset(&self, topic: &str, partition: i32) -> Option<i64> {
        let _ = (topic, partition);
        None
    }
}

/// A service's consumer.
pub struct EventConsumer<H: Handler> {
    service: &'static str,
    kafka: Kafka,
    dead_letters: FutureProducer,
    consumer: StreamConsumer<Context<H>>,
    handler: Arc<H>,
}

struct Context<H: Handler>(Arc<H>);

impl<H: Handler> ClientContext for Context<H> {}

impl<H: Handler> ConsumerContext for Context<H> {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        error: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        tracing::info!(?error, partitions = partitions.count(), "partitions reassigned");
        if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            for index in 0..partitions.count() {
                let Some(mut element) = partitions.elements().into_iter().nth(index) else { continue };
                if let Some(offset) = self.0.start_offset(element.topic(), element.partition()) {
                    drop(element.set_offset(Offset::Offset(offset)));
                }
            }
        }
        if let Err(error) = assign(consumer, error, partitions) {
            tracing::error!(%error, "partitions can't be taken or given back");
        }
    }
}

fn assign<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    event: RDKafkaRespErr,
    partitions: &TopicPartitionList,
) -> KafkaResult<()> {
    let cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
    match event {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS if cooperative => {
            consumer.incremental_assign(partitions)
        }
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => consumer.assign(partitions),
        _ if cooperative => consumer.incremental_unassign(partitions),
        _ => consumer.unassign(),
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
        let config = kafka.consumer(&format!("tracklore-{service}"));
        let consumer: StreamConsumer<Context<H>> =
            config.create_with_context(Context(Arc::clone(&handler)))?;
        let names: Vec<String> = topics.iter().map(|topic| kafka.name(topic)).collect();
        consumer.subscribe(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(Self { service, kafka: kafka.clone(), dead_letters, consumer, handler })
    }

    /// Consumes until `stop`; the record at hand is finished, and its offset committed on the way out.
    pub async fn run(self, stop: CancellationToken) {
        while let Some(received) = stop.run_until_cancelled(self.consumer.recv()).await {
            match received {
                Ok(message) => {
                    let record = Record::from_message(&message);
                    let span = tracing::info_span!("event", trace_id = %record.trace().trace_id(),
                        topic = message.topic(), partition = message.partition(), offset = message.offset());
                    if !record.trace().scope(self.process(&record, &stop)).instrument(span).await {
                        break;
                    }
                    if let Err(error) = self.consumer.store_offset_from_message(&message) {
                        // the partition went to another member: it will see the record again, which changes nothing
                        tracing::debug!(%error, "offset not stored");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "Kafka can't be read");
                    stop.run_until_cancelled(sleep(FIRST_BACKOFF)).await;
                }
            }
        }
    }

    /// Applies the record or puts it to the dead letters, however long it takes; false when stopped before.
    async fn process(&self, record: &Record, stop: &CancellationToken) -> bool {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let reason = match self.handler.handle(record).await {
                Ok(()) => {
                    metrics::counter!("consumer_records_total", "topic" => record.topic.clone()).increment(1);
                    return true;
                }
                Err(Failure::Poison(reason)) => match self.bury(record, &reason).await {
                    Ok(()) => {
                        self.handler.buried(record).await;
                        return true;
                    }
                    Err(error) => format!("dead letter not taken: {error}"),
                },
                Err(Failure::Retry(reason)) => reason,
            };
            tracing::warn!(reason, ?backoff, "event will be retried");
            if stop.run_until_cancelled(sleep(backoff)).await.is_none() {
                return false;
            }
            backoff = (backoff * 2).min(LAST_BACKOFF);
        }
    }

    async fn bury(&self, record: &Record, reason: &str) -> Result<(), rdkafka::error::KafkaError> {
        tracing::error!(reason, "event can't be processed, put to the dead letters");
        metrics::counter!("consumer_dead_letters_total", "topic" => record.topic.clone()).increment(1);
        let position = [
            ("dlq_reason", reason.to_owned()),
            ("dlq_topic", record.topic.clone()),
            ("dlq_partition", record.partition.to_string()),
            ("dlq_offset", record.offset.to_string()),
        ];
        let original = record.headers.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        let added = position.iter().map(|(key, value)| (*key, value.as_bytes()));
        let headers = original.chain(added).fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        });
        // record.topic has the prefix already
        let topic = format!("{}.{}.dlq", record.topic, self.service);
        let mut letter = FutureRecord::to(&topic).key(&record.key).headers(headers);
        if let Some(value) = &record.value {
            letter = letter.payload(value);
        }
        self.dead_letters.send(letter, Duration::from_secs(15)).await.map(drop).map_err(|(error, _)| error)
    }

    /// The full name of a topic, for handlers that compare.
    pub fn topic(&self, name: &str) -> String {
        self.kafka.name(name)
    }
}
