//! The service's administration: commands that a person gives, beside the running service and with its settings.

use sqlx::PgPool;
use tracklore_platform::{
    args::{DatabaseArgs, KafkaArgs},
    database::{self, DatabaseError},
    dlq::{self, DeadLetters, DlqAction, DlqError},
    kafka::{Kafka, KafkaError},
    outbox,
    replay::{self, ReplayError},
};

use crate::{
    events::{TOPICS, Users},
    serve::NAME,
    sweeper::Wake,
};

/// Settings of `dlq`.
#[derive(clap::Args, Clone, Debug)]
pub struct DlqArgs {
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

/// Settings of `replay`.
#[derive(clap::Args, Clone, Debug)]
pub struct ReplayArgs {
    /// The service's database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Where the events are.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// What to read again.
    #[command(flatten)]
    pub replay: replay::ReplayArgs,
}

/// Settings of `republish`.
#[derive(clap::Args, Clone, Debug)]
pub struct RepublishArgs {
    /// The service's database.
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

/// Does something with the dead letters.
pub async fn dlq(args: &DlqArgs) -> Result<(), AdminError> {
    let kafka = Kafka::new(&args.kafka);
    let letters = DeadLetters::new(&kafka, kafka.producer()?, NAME, &TOPICS);
    Ok(dlq::run(&letters, &users(database::pool(&args.database)?), &args.action).await?)
}

/// Applies events again.
pub async fn replay(args: &ReplayArgs) -> Result<(), AdminError> {
    let kafka = Kafka::new(&args.kafka);
    let users = users(database::pool(&args.database)?);
    Ok(replay::run(&kafka, kafka.producer()?, NAME, &TOPICS, users, &args.replay).await?)
}

/// Sends events again.
pub async fn republish(args: &RepublishArgs) -> Result<(), AdminError> {
    let pool = database::pool(&args.database)?;
    let count = outbox::republish(&pool, &args.republish).await?;
    println!("{count} events will be sent again");
    Ok(())
}

/// The service's handler; the sweeper of the running service finds by itself what is to be removed.
fn users(pool: PgPool) -> Users {
    Users::new(pool, Wake::default())
}
