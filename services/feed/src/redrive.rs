//! `dlq`: dead letters of this service. A letter is applied like an event that was read, but it has no place in the log
//! any more; so it takes one in a log of its own, whose offset stands in Redis beside the others.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracklore_platform::{
    consumer::{Failure, Handler},
    dlq::{self, DeadLetters, DlqAction, DlqError},
    event::Record,
    kafka::{Kafka, KafkaError},
    problem::Chain,
};

use crate::{
    apply::{Applier, ReadModel},
    consume::{ACTOR_TOPICS, POST_TOPICS, cluster_id},
    library,
    lists::Limits,
    page,
    positions::{Offsets, Stored},
    serve::{ModelArgs, StartError},
};

/// Settings of `dlq`.
#[derive(clap::Args, Clone, Debug)]
pub struct DlqCommand {
    /// Where the dead letters are, and what they are applied to.
    #[command(flatten)]
    pub model: ModelArgs,
    /// What to do.
    #[command(subcommand)]
    pub action: DlqAction,
}

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// A setting is wrong.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Redis can't be used.
    #[error("Redis failed")]
    Redis(#[from] redis::RedisError),
    /// Kafka's settings are wrong.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// About the dead letters.
    #[error(transparent)]
    Dlq(#[from] DlqError),
}

/// Applies letters.
struct Redriver(Applier);

impl Handler for Redriver {
    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        let topic = format!("{}.redrive", record.topic);
        let stored = self.0.offsets.stored(&topic).await;
        let stored = stored.map_err(|error| Failure::Retry(Chain(&error).to_string()))?.get(&0).copied();
        self.0.expected.assigned(&topic, 0, stored.map_or(Stored::Nothing, Stored::Offset));
        let record = Record { topic, partition: 0, offset: stored.unwrap_or(0), ..record.clone() };
        self.0.handle(&record).await
    }
}

/// Does something with the dead letters.
pub async fn run(command: &DlqCommand) -> Result<(), RedriveError> {
    let kafka = Kafka::new(&command.model.kafka);
    let producer = kafka.producer()?;
    let http = command.model.trust.client().map_err(StartError::from)?;
    let redis = command.model.redis()?;
    library::load(&redis).await?;
    let base = page::generation(&redis).await?;
    let applier = Applier {
        model: ReadModel::new(redis.clone(), base.clone(), Limits::default()),
        offsets: Offsets::new(redis.clone(), cluster_id(&producer).await, base),
        actors: command.model.sources(redis, http).actors,
        expected: Arc::default(),
        session: CancellationToken::new(),
        progress: None,
    };
    let topics = [ACTOR_TOPICS[0], ACTOR_TOPICS[1], POST_TOPICS[0]];
    let letters = DeadLetters::new(&kafka, producer, "feed", &topics);
    Ok(dlq::run(&letters, &Redriver(applier), &command.action).await?)
}
