//! Dead letters: records that nobody could process, in `<topic>.<service>.dlq`, with the reason, the position and
//! everything that the record had.
//!
//! A letter's Kafka key is its id, `<topic>/<partition>/<offset>`: a record that is buried twice, because the process
//! died in between, is one letter. An empty record under that key takes the letter back, and where the topic is
//! compacted it is then really gone. Nothing is ever written to the topic that the record came from, which has another
//! writer: a letter is redriven by handing it to the service's handler again.

mod command;
mod gauge;
mod letter;

use std::{collections::BTreeMap, time::Duration};

use rdkafka::producer::{FutureProducer, FutureRecord};

pub use command::{DlqAction, Selection, run};
pub use letter::Letter;

use crate::{
    event::Record,
    id::UserId,
    kafka::{Kafka, KafkaError, ReadError, Start, read_all},
    metrics::BURIED,
};

const DELIVERY: Duration = Duration::from_secs(15);

/// The dead letters of a service.
#[derive(Clone)]
pub struct DeadLetters {
    kafka: Kafka,
    producer: FutureProducer,
    service: &'static str,
    topics: Vec<String>,
}

/// Why dead letters can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DlqError {
    /// Kafka's settings are wrong.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The topic can't be read.
    #[error("dead letters can't be read")]
    Read(#[from] ReadError),
    /// The topic can't be written.
    #[error("dead letters can't be written")]
    Write(#[source] rdkafka::error::KafkaError),
    /// No letter has this id.
    #[error("there is no dead letter {0}")]
    Unknown(String),
    /// Redriven, and in vain.
    #[error("{0} of {1} dead letters could not be applied and stay")]
    Left(usize, usize),
    /// Nothing was chosen.
    #[error("name the letters by their ids, or all of them with --all")]
    NothingChosen,
}

impl DeadLetters {
    /// The dead letters of `service`, which consumes `topics` (without prefix).
    pub fn new(kafka: &Kafka, producer: FutureProducer, service: &'static str, topics: &[&str]) -> Self {
        let topics = topics.iter().map(|topic| kafka.name(topic)).collect();
        Self { kafka: kafka.clone(), producer, service, topics }
    }

    /// Puts a record here.
    pub async fn bury(&self, record: &Record, reason: &str) -> Result<(), DlqError> {
        tracing::error!(reason, "event can't be processed, put to the dead letters");
        metrics::counter!(BURIED.name, "messaging_destination_name" => record.topic.clone()).increment(1);
        let topic = self.of(&record.topic);
        let (id, headers) = (letter::id(record), letter::headers(record, reason));
        // an empty record would take the letter back
        let value = record.value.as_deref().unwrap_or_default();
        self.send(FutureRecord::<str, [u8]>::to(&topic).key(&id).headers(headers).payload(value)).await
    }

    /// All letters, the oldest first.
    pub async fn list(&self) -> Result<Vec<Letter>, DlqError> {
        let mut letters = Vec::new();
        for topic in &self.topics {
            letters.extend(self.list_of(topic).await?);
        }
        letters.sort_by(|(offset, a), (other, b)| (a.buried_at, offset).cmp(&(b.buried_at, other)));
        Ok(letters.into_iter().map(|(_, letter)| letter).collect())
    }

    /// Those of one topic, with their offsets.
    async fn list_of(&self, topic: &str) -> Result<Vec<(i64, Letter)>, DlqError> {
        let mut latest = BTreeMap::new();
        read_all(&self.kafka, self.service, &self.of(topic), Start::Beginning, |record| {
            match Letter::of(&record) {
                Some(letter) => drop(latest.insert(record.key, (record.offset, letter))),
                None => drop(latest.remove(&record.key)),
            }
        })
        .await?;
        Ok(latest.into_values().collect())
    }

    /// Takes a letter back.
    pub async fn remove(&self, letter: &Letter) -> Result<(), DlqError> {
        let (topic, id) = (self.of(&letter.record.topic), letter.id());
        self.send(FutureRecord::<str, [u8]>::to(&topic).key(&id)).await
    }

    /// Takes back all letters that are about one of these users; how many.
    pub async fn forget(&self, users: &[UserId]) -> Result<usize, DlqError> {
        let mut count = 0;
        let concerned = |letter: &&Letter| users.iter().any(|user| letter.concerns(*user));
        for letter in self.list().await?.iter().filter(concerned) {
            self.remove(letter).await?;
            count += 1;
        }
        Ok(count)
    }

    /// The dead-letter topic of a topic (both with prefix).
    fn of(&self, topic: &str) -> String {
        format!("{topic}.{}.dlq", self.service)
    }

    async fn send(&self, record: FutureRecord<'_, str, [u8]>) -> Result<(), DlqError> {
        self.producer.send(record, DELIVERY).await.map(drop).map_err(|(error, _)| DlqError::Write(error))
    }
}
