//! Reading a topic from a given point to where it ends now, outside of any consumer group: nothing is committed, and
//! whoever consumes the topic isn't disturbed.

use std::{
    collections::BTreeMap,
    str::FromStr,
    time::{Duration, Instant},
};

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError as ClientError,
    message::Message,
    topic_partition_list::Offset,
};
use tokio::sync::mpsc;

use super::{Kafka, ends};
use crate::{event::Record, time::Timestamp};

/// For each answer of the broker.
const TIMEOUT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(200);
/// Records read ahead.
const AHEAD: usize = 32;

/// Where to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record that the topic still has.
    Beginning,
    /// With the first record written at this time or later.
    At(Timestamp),
}

/// Neither `beginning` nor a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use beginning, or a time such as 2026-11-20T09:30:00Z")]
pub struct BadStart;

impl FromStr for Start {
    type Err = BadStart;

    fn from_str(text: &str) -> Result<Self, BadStart> {
        if text == "beginning" {
            return Ok(Self::Beginning);
        }
        text.parse().map(Self::At).map_err(|_| BadStart)
    }
}

/// Why a topic can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such topic, or this user may not know of it.
    #[error("there is no topic {0}")]
    NoTopic(String),
    /// Nothing came for a while although there is something.
    #[error("{0} doesn't answer")]
    TimedOut(String),
    /// The broker's or the client's word.
    #[error("Kafka can't be read")]
    Client(#[from] ClientError),
}

/// Where to start in each partition.
enum Origin {
    Start(Start),
    /// At this offset, or where the partition begins if that is later or nothing is said of it.
    Offsets(BTreeMap<i32, i64>),
}

/// A topic being read.
pub struct Reading(mpsc::Receiver<Result<Record, ReadError>>);

impl Reading {
    /// Begins to read the topic with this full name as `service`.
    pub fn begin(kafka: &Kafka, service: &str, topic: &str, start: Start) -> Self {
        Self::from(kafka, service, topic, Origin::Start(start))
    }

    /// Begins to read it at these offsets; a partition that isn't among them at its beginning.
    pub fn begin_at(kafka: &Kafka, service: &str, topic: &str, offsets: BTreeMap<i32, i64>) -> Self {
        Self::from(kafka, service, topic, Origin::Offsets(offsets))
    }

    fn from(kafka: &Kafka, service: &str, topic: &str, from: Origin) -> Self {
        let mut config = kafka.consumer(&format!("tracklore-{service}"));
        config.set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        let (sender, receiver) = mpsc::channel(AHEAD);
        let topic = topic.to_owned();
        tokio::task::spawn_blocking(move || {
            let read = config.create().map_err(ReadError::from).and_then(|consumer: BaseConsumer| {
                read(&consumer, &topic, &from, |record| sender.blocking_send(Ok(record)).is_ok())
            });
            if let Err(error) = read {
                // nobody waits any more
                drop(sender.blocking_send(Err(error)));
            }
        });
        Self(receiver)
    }

    /// The next record; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Record>, ReadError> {
        self.0.recv().await.transpose()
    }
}

/// Reads the whole topic with this full name.
pub async fn read_all(
    kafka: &Kafka,
    service: &str,
    topic: &str,
    start: Start,
    mut each: impl FnMut(Record),
) -> Result<(), ReadError> {
    let mut reading = Reading::begin(kafka, service, topic, start);
    while let Some(record) = reading.next().await? {
        each(record);
    }
    Ok(())
}

/// Gives `each` all records up to where every partition ended at the beginning; stops early when it says false.
fn read(
    consumer: &BaseConsumer,
    topic: &str,
    from: &Origin,
    each: impl Fn(Record) -> bool,
) -> Result<(), ReadError> {
    let (assignment, mut ends) = plan(consumer, topic, from)?;
    consumer.assign(&assignment)?;
    let mut heard = Instant::now();
    while !ends.is_empty() {
        match consumer.poll(POLL) {
            None if heard.elapsed() > TIMEOUT => return Err(ReadError::TimedOut(topic.to_owned())),
            None => {}
            Some(Err(ClientError::PartitionEOF(partition))) => drop(ends.remove(&partition)),
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(message)) => {
                heard = Instant::now();
                if ends.get(&message.partition()).is_some_and(|end| message.offset() + 1 >= *end) {
                    ends.remove(&message.partition());
                }
                if !each(Record::from_message(&message)) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Where to start in each partition that has something to read, and where it ends.
fn plan(
    consumer: &BaseConsumer,
    topic: &str,
    from: &Origin,
) -> Result<(TopicPartitionList, BTreeMap<i32, i64>), ReadError> {
    let (mut assignment, mut left) = (TopicPartitionList::new(), BTreeMap::new());
    for (partition, (low, high)) in ends(consumer.client(), topic, TIMEOUT)? {
        let first = match from {
            Origin::Offsets(offsets) => offsets.get(&partition).map_or(low, |offset| low.max(*offset)),
            Origin::Start(_) => low,
        };
        if first < high {
            let offset = if let Origin::Start(Start::At(time)) = from { time.unix_millis() } else { first };
            assignment.add_partition_offset(topic, partition, Offset::Offset(offset))?;
            left.insert(partition, high);
        }
    }
    if let Origin::Start(Start::At(_)) = from
        && !left.is_empty()
    {
        assignment = consumer.offsets_for_times(assignment, TIMEOUT)?;
    }
    Ok((assignment, left))
}
