//! A service's administration: sub-commands that a person gives beside the running service, with its settings
//! (`kubectl exec deploy/demo-posts -- tracklore-posts dlq list`).

use rdkafka::producer::FutureProducer;
use sqlx::PgPool;

use crate::{
    args::{DatabaseArgs, KafkaArgs},
    consumer::Handler,
    database::{self, DatabaseError},
    dlq::{self, DeadLetters, DlqAction, DlqError},
    kafka::{Kafka, KafkaError},
    outbox,
    replay::{self, ReplayArgs, ReplayError},
};

/// Settings of `dlq`, for services with a database.
#[derive(clap::Args, Clone, Debug)]
pub struct DlqCommand {
    /// The service's database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Where the dead letters are.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// What to do.
    #[command(subcommand)]
    pub action: DlqAction,
}

/// Settings of `replay`, for services with a database.
#[derive(clap::Args, Clone, Debug)]
pub struct ReplayCommand {
    /// The service's database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Where the events are.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// What to read again.
    #[command(flatten)]
    pub replay: ReplayArgs,
}

/// Settings of `republish`.
#[derive(clap::Args, Clone, Debug)]
pub struct RepublishCommand {
    /// The service's database; the events leave through the relay of the service that runs on it.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// What to send again.
    #[command(flatten)]
    pub republish: outbox::RepublishArgs,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The database's settings are wrong.
    #[error(transparent)]
    Settings(#[from] DatabaseError),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// Kafka's settings are wrong.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// About the dead letters.
    #[error(transparent)]
    Dlq(#[from] DlqError),
    /// About the replay.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// What a service consumes, and who applies it.
#[derive(Clone, Copy, Debug)]
pub struct Consumed<'a, F> {
    /// The service's name.
    pub service: &'static str,
    /// Its topics, without prefix.
    pub topics: &'a [&'a str],
    /// Makes its handler.
    pub handler: F,
}

impl<H: Handler, F: Fn(PgPool) -> H> Consumed<'_, F> {
    /// Does something with the dead letters.
    pub async fn dlq(&self, command: &DlqCommand) -> Result<(), AdminError> {
        let (kafka, producer) = connect(&command.kafka)?;
        let letters = DeadLetters::new(&kafka, producer, self.service, self.topics);
        let handler = (self.handler)(database::pool(&command.database)?);
        Ok(dlq::run(&letters, &handler, &command.action).await?)
    }

    /// Applies events again.
    pub async fn replay(&self, command: &ReplayCommand) -> Result<(), AdminError> {
        let (kafka, producer) = connect(&command.kafka)?;
        let handler = (self.handler)(database::pool(&command.database)?);
        Ok(replay::run(&kafka, producer, self.service, self.topics, handler, &command.replay).await?)
    }
}

/// Sends events again.
pub async fn republish(command: &RepublishCommand) -> Result<(), AdminError> {
    let pool = database::pool(&command.database)?;
    let count = outbox::republish(&pool, command.republish.since, None).await?;
    println!("{count} events will be sent again");
    Ok(())
}

fn connect(args: &KafkaArgs) -> Result<(Kafka, FutureProducer), KafkaError> {
    let kafka = Kafka::new(args);
    let producer = kafka.producer()?;
    Ok((kafka, producer))
}
