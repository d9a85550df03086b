//! Notices that the database went back to an earlier time (it was restored from a backup) while the log did not, and makes
//! the log say again what the database says.
//!
//! Every replica compares the [positions](super::positions) with the ends of the topic from time to time. Where the log
//! goes on after a position, its records are looked at under the relay's lock: one whose id the outbox doesn't
//! know tells of a change that the database has lost. Of each aggregate that has such records the service writes how
//! it is now, as an event with a number above the log's, and everybody who follows the log takes that for the newest.
//!
//! Nobody who writes waits for this. Who writes before it is done may be given numbers that the log has already; the events
//! written here come after theirs, with higher numbers and what they wrote.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use rdkafka::producer::{FutureProducer, Producer};
use sqlx::{PgConnection, PgPool};
use tokio::task::{JoinError, spawn_blocking};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Relay, append_all,
    positions::{self, Positions},
    relay::LOCK,
};
use crate::{
    event::{Event, Received, Record},
    kafka::{Ends, Kafka, ReadError, Reading, ends},
    metrics::RESTATED,
    problem::Chain,
    time::Timestamp,
};

const INTERVAL: Duration = Duration::from_secs(5);
/// For each question to Kafka.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Records that are looked at together.
const BATCH: usize = 500;
/// How far the clocks of those who name events and of the database may be apart.
const SKEW: Duration = Duration::from_hours(24);

/// What a service knows of its aggregates.
pub trait Restate: Send + Sync {
    /// Who says it (`ce_source`), and reads its own topic.
    const SOURCE: &'static str;
    /// The only topic that is written from this database and tells of aggregates, without the prefix.
    const TOPIC: &'static str;

    /// How the aggregates of these events are in the database: of each an event whose number is above the given one's. Of
    /// one that isn't there an event that says so, unless the given one does. `lost` are the newest of their
    /// aggregates that the log has and the outbox doesn't. Numbers given later must be above those given here.
    fn restate(
        &self,
        tx: &mut PgConnection,
        lost: &[Received],
    ) -> impl Future<Output = Result<Restated, sqlx::Error>> + Send;

    /// Takes in again what the database had taken from the events of others, and has lost as well.
    fn relearn(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// What is to be said.
#[derive(Debug, Default)]
pub struct Restated {
    /// Of aggregates that are there.
    pub there: Vec<Event>,
    /// Of those that aren't.
    pub gone: Vec<Event>,
}

/// Looks after the log of one service.
pub struct Restorer<R> {
    /// The service's database.
    pub pool: PgPool,
    /// Where the topic is.
    pub kafka: Kafka,
    /// Asked for the topic's ends.
    pub producer: FutureProducer,
    /// Woken when there is something to say.
    pub relay: Relay,
    /// Knows what.
    pub restate: R,
}

#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error("the outbox can't be read")]
    Database(#[from] sqlx::Error),
    #[error("the log can't be read")]
    Read(#[from] ReadError),
    #[error("the question to Kafka was dropped")]
    Dropped(#[from] JoinError),
}

/// What a look found and did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Records that the outbox doesn't know.
    lost: usize,
    there: usize,
    gone: usize,
}

impl<R: Restate> Restorer<R> {
    /// Looks until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut failed = false;
        loop {
            let look = stop.run_until_cancelled(self.look()).await;
            // Kafka may be away for long, and others say so
            if let (Some(Err(error)), false) = (&look, failed) {
                tracing::warn!(error = %Chain(error), "the outbox can't be compared with the log, will be tried again");
            }
            failed = matches!(look, Some(Err(_)));
            if stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    async fn look(&self) -> Result<(), LookError> {
        let topic = self.kafka.name(R::TOPIC);
        // in this order: what is published in between is behind the position, not before it
        let ends = self.ends(&topic).await?;
        if is_at(&positions::read(&self.pool, &topic).await?, &ends) {
            return Ok(());
        }
        let mut tx = self.pool.begin().await?;
        // with it, nothing is on its way from the outbox to the log
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
        let (known, mut ends) = (positions::read(&mut *tx, &topic).await?, self.ends(&topic).await?);
        // a database that has never published doesn't know better than the log
        let found = if known.is_empty() || !goes_on(&known, &ends) {
            Found::default()
        } else {
            self.read_on(&mut tx, &topic, &known, &mut ends).await?
        };
        positions::store(&mut tx, &topic, &ends).await?;
        tx.commit().await?;
        if is_shorter(&known, &ends) {
            tracing::warn!(
                topic,
                "{topic} ends before events that were published to it: Kafka has lost them, or it is another one; republish"
            );
        }
        if found.lost > 0 {
            self.relay.wake();
            tell(&topic, &found, reaches_back(&known, &ends));
            self.restate.relearn().await;
        }
        Ok(())
    }

    async fn ends(&self, topic: &str) -> Result<Ends, LookError> {
        let (producer, topic) = (self.producer.clone(), topic.to_owned());
        Ok(spawn_blocking(move || ends(producer.client(), &topic, TIMEOUT)).await??)
    }

    /// Reads what stands after the positions, and restates what of it the database has lost. Moves `ends` on to what was read.
    async fn read_on(
        &self,
        tx: &mut PgConnection,
        topic: &str,
        known: &Positions,
        ends: &mut Ends,
    ) -> Result<Found, LookError> {
        let mut reading = Reading::begin_at(&self.kafka, R::SOURCE, topic, known.clone());
        let (mut found, mut batch) = (Found::default(), Vec::with_capacity(BATCH));
        loop {
            let record = reading.next().await?;
            let is_end = record.is_none();
            if let Some(record) = record {
                let (_, end) = ends.entry(record.partition).or_insert((0, 0));
                *end = (*end).max(record.offset + 1);
                batch.push(record);
            }
            if is_end || batch.len() == BATCH {
                self.restate_batch(tx, &batch, &mut found).await?;
                batch.clear();
            }
            if is_end {
                return Ok(found);
            }
        }
    }

    async fn restate_batch(
        &self,
        tx: &mut PgConnection,
        records: &[Record],
        found: &mut Found,
    ) -> Result<(), sqlx::Error> {
        let lost = lost(tx, records).await?;
        if lost.is_empty() {
            return Ok(());
        }
        found.lost += lost.len();
        let Restated { there, gone } = self.restate.restate(tx, &newest(&lost)).await?;
        append_all(tx, R::SOURCE, &there).await?;
        append_all(tx, R::SOURCE, &gone).await?;
        found.there += there.len();
        found.gone += gone.len();
        Ok(())
    }
}

/// Whether the log ends where the database believes.
fn is_at(known: &Positions, ends: &Ends) -> bool {
    ends.iter().all(|(partition, (_, end))| known.get(partition) == Some(end))
}

/// Whether Kafka has lost what was published. That says nothing against the database.
fn is_shorter(known: &Positions, ends: &Ends) -> bool {
    known.iter().any(|(partition, next)| ends.get(partition).is_none_or(|(_, end)| end < next))
}

/// Whether there are records after the positions.
fn goes_on(known: &Positions, ends: &Ends) -> bool {
    ends.iter().any(|(partition, (_, end))| known.get(partition).copied().unwrap_or_default() < *end)
}

/// Whether the log still has everything that came after the positions.
fn reaches_back(known: &Positions, ends: &Ends) -> bool {
    known.iter().all(|(partition, next)| ends.get(partition).is_none_or(|(low, _)| low <= next))
}

/// Those of these records that came from an outbox, and that this one doesn't know.
async fn lost<'a>(tx: &mut PgConnection, records: &'a [Record]) -> Result<Vec<&'a Record>, sqlx::Error> {
    // what somebody else wrote has no such id
    let named: Vec<(Uuid, &Record)> =
        records.iter().filter_map(|record| Some((record.header("ce_id")?.parse().ok()?, record))).collect();
    let Some(oldest) = named.iter().filter_map(|(id, _)| time_of(*id)).min() else { return Ok(Vec::new()) };
    let known: Vec<String> = sqlx::query_scalar(
        "SELECT headers->>'ce_id' FROM outbox WHERE created_at >= $2 AND headers->>'ce_id' = ANY($1)",
    )
    .bind(named.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>())
    .bind(oldest.minus(SKEW))
    .fetch_all(tx)
    .await?;
    let known: HashSet<Uuid> = known.iter().filter_map(|id| id.parse().ok()).collect();
    Ok(named.into_iter().filter(|(id, _)| !known.contains(id)).map(|(_, record)| record).collect())
}

/// When an event was named.
fn time_of(id: Uuid) -> Option<Timestamp> {
    let (seconds, _) = id.get_timestamp()?.to_unix();
    Some(Timestamp::from_unix_millis(i64::try_from(seconds).ok()?.checked_mul(1000)?))
}

/// The newest event of each aggregate. What is no event, consumers pass over, too.
fn newest(records: &[&Record]) -> Vec<Received> {
    let mut newest = BTreeMap::<String, Received>::new();
    for event in records.iter().filter_map(|record| record.event().ok()?) {
        match newest.get(&event.subject) {
            Some(known) if known.sequence >= event.sequence => {}
            _ => drop(newest.insert(event.subject.clone(), event)),
        }
    }
    newest.into_values().collect()
}

fn tell(topic: &str, found: &Found, reaches_back: bool) {
    let Found { lost, there, gone } = *found;
    tracing::warn!(
        topic,
        lost,
        there,
        gone,
        reaches_back,
        "the database was restored to an earlier time: {lost} events in {topic} are of changes that it has lost; so {there} \
         of its aggregates were said again as they are, and {gone} said to be gone{}",
        if reaches_back {
            ""
        } else {
            "; the topic doesn't reach back to that time: rebuild what is made from it"
        }
    );
    for (outcome, count) in [("there", there), ("gone", gone)] {
        metrics::counter!(RESTATED.name, "messaging_destination_name" => topic.to_owned(), "outcome" => outcome)
            .increment(u64::try_from(count).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(subject: &str, sequence: i64, value: Option<&str>) -> Record {
        let headers = [
            ("ce_type", "tracklore.post.updated.v1".to_owned()),
            ("ce_subject", subject.to_owned()),
            ("ce_time", "2026-11-20T09:30:00.000Z".to_owned()),
            ("ce_sequence", sequence.to_string()),
        ];
        Record {
            topic: "t".into(),
            partition: 0,
            offset: 0,
            key: vec![],
            value: value.map(|value| value.as_bytes().to_vec()),
            headers: headers.map(|(key, value)| (key.to_owned(), value.into_bytes())).into(),
        }
    }

    #[test]
    fn a_log_is_read_on_only_where_it_goes_on_after_a_position() {
        let known = Positions::from([(0, 5), (1, 3)]);
        for (ends, at, on, shorter) in [
            (vec![(0, (0, 5)), (1, (3, 3))], true, false, false),
            // it was made anew, or has lost its end
            (vec![(0, (0, 0)), (1, (0, 3))], false, false, true),
            (vec![(0, (0, 6)), (1, (0, 0))], false, true, true),
            // a partition was added: nothing in it yet, and then something
            (vec![(0, (0, 5)), (1, (0, 3)), (2, (0, 0))], false, false, false),
            (vec![(0, (0, 5)), (1, (0, 3)), (2, (0, 1))], false, true, false),
        ] {
            let ends: Ends = ends.into_iter().collect();
            let found = (is_at(&known, &ends), goes_on(&known, &ends), is_shorter(&known, &ends));
            assert_eq!(found, (at, on, shorter), "{ends:?}");
        }
        assert!(reaches_back(&known, &[(0, (5, 9)), (1, (0, 3))].into()));
        assert!(!reaches_back(&known, &[(0, (6, 9)), (1, (0, 3))].into()));
    }

    #[test]
    fn the_newest_event_counts_wherever_it_stands_and_what_is_no_event_doesnt() {
        let records = [
            record("a", 3, Some("{}")),
            record("a", 2, Some("{}")),
            record("b", 1, Some("{}")),
            record("c", 1, None),
        ];
        let newest = newest(&records.iter().collect::<Vec<_>>());
        let found: Vec<_> = newest.iter().map(|event| (event.subject.as_str(), event.sequence)).collect();
        assert_eq!(found, [("a", 3), ("b", 1)]);
    }

    #[test]
    fn an_id_tells_when_its_event_was_named() {
        let now = Timestamp::now().unix_millis();
        let then = time_of(Uuid::now_v7()).unwrap().unix_millis();
        assert!((now - then).abs() < 60_000, "{now} {then}");
        assert_eq!(time_of(Uuid::nil()), None);
    }
}
