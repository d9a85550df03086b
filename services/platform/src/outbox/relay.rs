//! Takes outbox rows to Kafka. Every replica runs one; an advisory lock of the claiming transaction makes one of them
//! active per database, so a killed one is replaced as soon as Postgres notices, and poolers between do no harm.
//!
//! Rows are claimed by "not yet published", never by "after the last id seen": ids are given before commits, so a
//! cursor would skip the rows of a slower transaction. Delivery is at least once; consumers skip known sequences. How far
//! the log is known is kept with the marks ([`positions`](super::positions)).

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{DeliveryFuture, FutureProducer, FutureRecord, future_producer::Delivery},
};
use sqlx::{PgPool, types::Json};
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;

use super::positions::{MARK, Runs};
use crate::{
    kafka::{Kafka, PATIENCE},
    metrics::{RELAY_ACTIVE, SENT},
    problem::Chain,
    time::Timestamp,
    trace::{Described, Kind, Span, TRACEPARENT},
};

/// Rows a transaction claims.
const BATCH: usize = 500;
/// How long rows of another replica may wait for the active relay to look.
const POLL: Duration = Duration::from_millis(500);
const BACKOFF: Duration = Duration::from_secs(1);
/// How soon a relay that was woken looks again when another replica is at work; then less and less often.
const TAKEN: Duration = Duration::from_millis(10);
/// What is to be published, oldest first.
#[cfg(not(feature = "deliberate-bugs"))]
const CLAIM: &str = "SELECT id, created_at, aggregate_type, aggregate_id, payload::text AS payload, headers \
    FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1";
/// `pg_advisory_lock` key of the active relay ("outbox" in ASCII); the database is the name space.
pub(super) const LOCK: i64 = 0x6f75_7462_6f78;

/// The relay of one service.
#[derive(Clone)]
pub struct Relay {
    pool: PgPool,
    kafka: Kafka,
    producer: FutureProducer,
    wake: Arc<Notify>,
}

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("outbox can't be read")]
    Database(#[from] sqlx::Error),
    #[error("Kafka didn't take an event")]
    Kafka(#[from] KafkaError),
}

/// What became of an attempt.
enum Turn {
    /// So many rows were published.
    Published(usize),
    /// Another replica is at work.
    Taken,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: i64,
    created_at: Timestamp,
    aggregate_type: String,
    aggregate_id: String,
    payload: String,
    headers: Json<BTreeMap<String, String>>,
}

/// What Kafka took of some rows.
pub(super) struct Published<'a> {
    /// The rows up to the first that failed.
    rows: &'a [Row],
    /// Where they stand.
    runs: Runs,
    failure: Option<KafkaError>,
}

/// An event that Kafka is about to take.
struct Sending {
    delivery: DeliveryFuture,
    topic: String,
    span: Option<Span>,
}

impl Relay {
    /// A relay between this database and this cluster.
    pub fn new(pool: PgPool, kafka: &Kafka, producer: FutureProducer) -> Self {
        Self { pool, kafka: kafka.clone(), producer, wake: Arc::default() }
    }

    /// Call after a commit that wrote events, so that they leave at once.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Publishes until `stop`; what is claimed by then is finished.
    pub async fn run(mut self, stop: CancellationToken) {
        let gauges = super::gauges::run(self.pool.clone(), stop.clone());
        tokio::join!(gauges, self.relay(stop));
    }

    async fn relay(&mut self, stop: CancellationToken) {
        let (mut woken, mut patience) = (false, TAKEN);
        let mut failing_since = None;
        while !stop.is_cancelled() {
            let turn = self.publish_batch().await;
            match &turn {
                Err(RelayError::Kafka(_)) => self.replace_lost_producer(&mut failing_since),
                _ => failing_since = None,
            }
            let (pause, still_woken) = match turn {
                Ok(Turn::Published(BATCH)) => continue,
                // it may have looked before the row was there that we were woken for
                Ok(Turn::Taken) if woken => {
                    patience = (patience * 2).min(POLL);
                    (patience / 2, true)
                }
                Ok(_) => {
                    patience = TAKEN;
                    (POLL, false)
                }
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "events wait in the outbox");
                    (BACKOFF, false)
                }
            };
            woken = tokio::select! {
                () = stop.cancelled() => false,
                () = self.wake.notified() => true,
                () = sleep(pause) => still_woken,
            };
        }
    }

    /// A producer that Kafka takes nothing from for [`PATIENCE`] may never find it again (librdkafka 5301), while a new one does.
    /// None of its events is under way any more, so the new one can neither double nor overtake them.
    fn replace_lost_producer(&mut self, failing_since: &mut Option<Instant>) {
        if failing_since.get_or_insert_with(Instant::now).elapsed() < PATIENCE {
            return;
        }
        tracing::warn!(after = ?PATIENCE, "Kafka takes no event: another client looks for it");
        match self.kafka.producer() {
            Ok(producer) => {
                let lost = std::mem::replace(&mut self.producer, producer);
                // it waits for its own thread
                tokio::task::spawn_blocking(move || drop(lost));
            }
            Err(error) => tracing::error!(error = %Chain(&error), "the client stays as it is"),
        }
        *failing_since = None;
    }

    /// Claims, publishes and marks up to [`BATCH`] rows.
    async fn publish_batch(&self) -> Result<Turn, RelayError> {
        let mut tx = self.pool.begin().await?;
        let active: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)").bind(LOCK).fetch_one(&mut *tx).await?;
        metrics::gauge!(RELAY_ACTIVE.name).set(f64::from(active));
        if !active {
            return Ok(Turn::Taken);
        }
        // after the lock, in a statement of its own: it must see what the replica before has marked
        #[cfg(feature = "deliberate-bugs")]
        let claim = super::deliberate::claim();
        #[cfg(not(feature = "deliberate-bugs"))]
        let claim = CLAIM;
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let rows: Vec<Row> = sqlx::query_as(claim).bind(limit).fetch_all(&mut *tx).await?;
        if rows.is_empty() {
            return Ok(Turn::Published(0));
        }

        let Published { rows: published, runs, failure } = self.publish(&rows).await;
        let ids: Vec<i64> = published.iter().map(|row| row.id).collect();
        // the oldest day among them lets Postgres leave out the partitions before
        let oldest = published.iter().map(|row| row.created_at).min();
        let (topics, partitions, firsts, nexts) = runs.columns();
        sqlx::query(MARK)
            .bind(&ids)
            .bind(oldest)
            .bind(topics)
            .bind(partitions)
            .bind(firsts)
            .bind(nexts)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(Turn::Published(ids.len())),
        }
    }

    /// The rows up to the first that failed: a later one of the same key must not be marked before it. Waits for all of
    /// them in any case, so that none comes after those that the next attempt sends.
    pub(super) async fn publish<'a>(&self, rows: &'a [Row]) -> Published<'a> {
        let mut deliveries = Vec::with_capacity(rows.len());
        let mut refused = None;
        for row in rows {
            match self.enqueue(row) {
                Ok(delivery) => deliveries.push(delivery),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        let (mut delivered, mut runs, mut failure) = (0, Runs::default(), None);
        for sending in deliveries {
            let topic = sending.topic.clone();
            match sending.settle().await {
                Ok(Delivery { partition, offset, .. }) if failure.is_none() => {
                    runs.add(topic, partition, offset);
                    delivered += 1;
                }
                Ok(_) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Published { rows: rows.get(..delivered).unwrap_or_default(), runs, failure: failure.or(refused) }
    }

    fn enqueue(&self, row: &Row) -> Result<Sending, KafkaError> {
        // an aggregate type of a newer version of this service: its relay will know it
        let topic = super::topic(&row.aggregate_type).ok_or_else(|| {
            tracing::error!(aggregate_type = row.aggregate_type, "no topic for this aggregate type");
            KafkaError::Canceled
        })?;
        // who takes the event goes on from here
        let parent = row.headers.get(TRACEPARENT).and_then(|text| text.parse().ok());
        let span = parent.map(|parent| Span::entry(Kind::Producer, Some(parent)));
        let own = span.as_ref().map(|span| span.context().to_string());
        let headers = row.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            let value = if key == TRACEPARENT { own.as_ref().unwrap_or(value) } else { value };
            headers.insert(Header { key, value: Some(value) })
        });
        let topic = self.kafka.name(topic);
        let mut record = FutureRecord::to(&topic).key(&row.aggregate_id).headers(headers);
        // JSON null is the tombstone of a compacted topic: a record without a value
        if row.payload != "null" {
            record = record.payload(&row.payload);
        }
        let delivery = self.producer.send_result(record).map_err(|(error, _)| error)?;
        Ok(Sending { delivery, topic, span })
    }
}

impl Sending {
    /// Waits until Kafka has it.
    async fn settle(self) -> Result<Delivery, KafkaError> {
        let Self { delivery, topic, span } = self;
        let sent = match delivery.await {
            Ok(Ok(delivery)) => Ok(delivery),
            Ok(Err((error, _))) => Err(error),
            Err(_) => Err(KafkaError::Canceled),
        };
        if let Some(span) = span {
            span.end(sent.is_err(), || {
                let described = Described::new(format!("send {topic}"))
                    .with("messaging.system", "kafka")
                    .with("messaging.operation.type", "send")
                    .with("messaging.destination.name", topic.clone());
                match &sent {
                    Ok(_) => described,
                    Err(error) => described.failed(error),
                }
            });
        }
        if sent.is_ok() {
            metrics::counter!(SENT.name, "messaging_destination_name" => topic).increment(1);
        }
        sent
    }
}
