//! `rebuild`: makes the read model anew beside the one that is read, from the topics' beginnings and from posts, and
//! then puts it in the old one's place at once. For when Redis holds something that events can't mend: after a restore
//! of Postgres to an earlier time, or a fault of ours.
//!
//! The serving replicas notice by their offsets, which are gone, and go on where this one stopped.

use std::{collections::HashSet, sync::Arc, time::Duration};

use redis::{RedisError, RedisResult, Value, from_redis_value};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracklore_platform::{
    consumer::{Failure, Handler},
    event::Record,
    kafka::{Kafka, KafkaError, ReadError, Reading, Start},
    telemetry::LogFormat,
    time::Timestamp,
};

use crate::{
    apply::{Applier, ReadModel},
    consume::{ACTOR_TOPICS, POST_TOPICS, cluster_id},
    fill::FillError,
    library,
    lists::{Limits, List},
    page::GENERATION,
    positions::{Expected, Offsets, Stored},
    redis::Redis,
    serve::{ModelArgs, StartError},
};

/// What the keys of a generation begin with, after its base.
const PREFIXES: [&str; 11] = [
    "activity:",
    "floor:",
    "post:",
    "actor:",
    "follows:",
    "unfollowed:",
    "home:",
    "readers:",
    "used",
    "fills",
    "offset:",
];
const PAUSE: Duration = Duration::from_millis(200);
/// Keys that are removed at once.
const SCAN: usize = 500;

/// Everything that `rebuild` can be told.
#[derive(clap::Args, Clone, Debug)]
pub struct RebuildArgs {
    /// The read model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Log level, or a list of `target=level`.
    #[arg(long, env = "TRACKLORE_LOG", default_value = "info")]
    pub log: String,
    /// `json` for machines, `text` for people.
    #[arg(long, env = "TRACKLORE_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
}

/// Why there is no new read model; the old one is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// A setting is wrong.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Redis failed.
    #[error("Redis failed")]
    Redis(#[from] RedisError),
    /// A topic can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A Kafka setting is wrong.
    #[error(transparent)]
    Settings(#[from] KafkaError),
    /// A list can't be filled.
    #[error("the global list can't be filled")]
    Fill(#[from] FillError),
}

/// Rebuilds, and says the base of the new generation.
pub async fn run(args: &ModelArgs) -> Result<String, RebuildError> {
    let http = args.trust.client().map_err(StartError::from)?;
    let redis = args.redis()?;
    library::load(&redis).await?;
    let kafka = Kafka::new(&args.kafka);
    let producer = kafka.producer()?;
    let sources = args.sources(redis.clone(), http);
    let base = format!("feed:{}:", Timestamp::now().unix_millis());
    let offsets = Offsets::new(redis.clone(), cluster_id(&producer).await, base.clone());
    let expected = Arc::new(Expected::default());
    let model = ReadModel::new(redis.clone(), base.clone(), Limits::default());
    let applier = Applier {
        model: model.clone(),
        actors: sources.actors.clone(),
        offsets,
        expected: Arc::clone(&expected),
        session: CancellationToken::new(),
        progress: None,
    };
    // names first, so that nobody has to be asked for
    for topic in ACTOR_TOPICS.iter().chain(&POST_TOPICS) {
        replay(&kafka, topic, &applier).await?;
    }
    sources.fill_in(&model, List::Global).await?;
    let names = ACTOR_TOPICS.iter().chain(&POST_TOPICS).map(|topic| kafka.name(topic));
    let old = swap(&redis, &base, names).await?;
    tracing::info!(base, old, "the rebuilt read model is the one that is read");
    remove(&redis, &old).await?;
    Ok(base)
}

/// Applies everything that the topic has now.
async fn replay(kafka: &Kafka, topic: &str, applier: &Applier) -> Result<(), RebuildError> {
    let topic = kafka.name(topic);
    // beside those who serve, and not a member of their group
    let mut reading = Reading::begin(kafka, "feed", &topic, Start::Beginning);
    let mut begun = HashSet::new();
    while let Some(record) = reading.next().await? {
        if begun.insert(record.partition) {
            applier.expected.assigned(&topic, record.partition, Stored::Nothing);
        }
        apply(applier, &record).await;
    }
    Ok(())
}

/// However long it takes; what nobody can process is among the dead letters already.
async fn apply(applier: &Applier, record: &Record) {
    loop {
        match applier.handle(record).await {
            Ok(()) => return,
            Err(Failure::Poison(reason)) => {
                tracing::warn!(reason, "an event can't be processed, left out");
                applier.buried(record).await;
                return;
            }
            Err(Failure::Retry(reason)) => tracing::warn!(reason, "an event will be applied again"),
        }
        sleep(PAUSE).await;
    }
}

async fn swap(redis: &Redis, base: &str, topics: impl Iterator<Item = String>) -> RedisResult<String> {
    let args: Vec<String> = [base.to_owned()].into_iter().chain(topics).collect();
    let args: Vec<_> = args.iter().map(String::as_bytes).collect();
    library::call(redis, "swap", &[GENERATION], &args).await
}

/// Removes a generation that nobody reads any more.
async fn remove(redis: &Redis, base: &str) -> RedisResult<()> {
    for prefix in PREFIXES {
        let mut cursor = "0".to_owned();
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(&cursor).arg("MATCH").arg(format!("{base}{prefix}*")).arg("COUNT").arg(SCAN);
            let (next, keys): (String, Vec<String>) = from_redis_value(redis.send(&scan).await?)?;
            if !keys.is_empty() {
                let _: Value = redis.send(redis::cmd("UNLINK").arg(keys)).await?;
            }
            if next == "0" {
                break;
            }
            cursor = next;
        }
    }
    Ok(())
}
