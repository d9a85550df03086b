//! Reads a service's topics again, from the beginning or a time (`replay`), and applies every event as if it were read
//! now, while the service goes on serving and consuming. Events that were applied already change nothing, because
//! their sequence is known; those that the database has lost (it was restored to an earlier time, say) are made good.
//!
//! The group's own offsets stay as they are: setting them back would need every consumer of the group to stop, and would
//! hold new events up behind the old ones.

use std::sync::Arc;

use rdkafka::producer::FutureProducer;
use tokio_util::sync::CancellationToken;

use crate::{
    consumer::{Applier, Handler},
    dlq::DeadLetters,
    kafka::{Kafka, ReadError, Reading, Start},
};

/// What to read again.
#[derive(clap::Args, Clone, Debug)]
pub struct ReplayArgs {
    /// `beginning`, or a time such as 2026-11-20T09:30:00Z.
    #[arg(long)]
    pub from: Start,
    /// Only this topic, by its name without prefix; all that the service consumes when left out.
    #[arg(long)]
    pub topic: Vec<String>,
}

/// Why a replay did not come to its end. It can be repeated.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A topic can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The service doesn't consume it.
    #[error("this service doesn't consume {0}; it consumes {1}")]
    NotConsumed(String, String),
}

/// Applies what `args` say to `handler`, up to where the topics end now, and prints how many events that were.
pub async fn run<H: Handler>(
    kafka: &Kafka,
    producer: FutureProducer,
    service: &'static str,
    topics: &[&str],
    handler: H,
    args: &ReplayArgs,
) -> Result<(), ReplayError> {
    if let Some(foreign) = args.topic.iter().find(|topic| !topics.contains(&topic.as_str())) {
        return Err(ReplayError::NotConsumed(foreign.clone(), topics.join(", ")));
    }
    let again = Replay::new(kafka, producer, service, topics, handler);
    for topic in topics.iter().filter(|topic| args.topic.is_empty() || args.topic.iter().any(|t| t == *topic))
    {
        println!("{topic}\t{} events", again.topic(topic, args.from).await?);
    }
    Ok(())
}

/// Applies the events of a service's topics again.
pub struct Replay<H> {
    kafka: Kafka,
    service: &'static str,
    applier: Applier<H>,
}

impl<H: Handler> Replay<H> {
    /// By `handler`, as `service` that consumes `topics`.
    pub fn new(
        kafka: &Kafka,
        producer: FutureProducer,
        service: &'static str,
        topics: &[&str],
        handler: H,
    ) -> Self {
        let applier = Applier::new(Arc::new(handler), DeadLetters::new(kafka, producer, service, topics));
        Self { kafka: kafka.clone(), service, applier }
    }

    /// Applies what a topic has from `start` on, up to where it ends now; how many events.
    pub async fn topic(&self, topic: &str, start: Start) -> Result<u64, ReadError> {
        let stop = CancellationToken::new();
        let mut reading = Reading::begin(&self.kafka, self.service, &self.kafka.name(topic), start);
        let mut count = 0;
        while let Some(record) = reading.next().await? {
            self.applier.apply(&record, &stop).await;
            count += 1;
        }
        Ok(count)
    }
}
