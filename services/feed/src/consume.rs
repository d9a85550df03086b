//! Keeps a consumer running: one session after the other, each from the offsets that Redis holds at its start.

use std::{pin::pin, sync::Arc, time::Duration};

use rdkafka::producer::{FutureProducer, Producer};
use redis::RedisResult;
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracklore_platform::{
    consumer::EventConsumer,
    kafka::{Kafka, KafkaError},
};

use crate::{
    actors::Actors,
    apply::{Applier, ReadModel},
    library,
    lists::Limits,
    page,
    positions::{Expected, Offsets},
    progress::{self, Progress},
    redis::Redis,
};

/// Read side by side: a post that waits for its author, while user is away, must not hold up the events that name
/// the author.
pub(crate) const ACTOR_TOPICS: [&str; 2] = ["user-events", "profile-events"];
pub(crate) const POST_TOPICS: [&str; 1] = ["posts-events"];
const PAUSE: Duration = Duration::from_millis(200);
const KAFKA_TIMEOUT: Duration = Duration::from_secs(2);

/// Everything that a session is made of.
#[derive(Clone)]
pub struct Feeder {
    /// Where events come from.
    pub kafka: Kafka,
    /// Takes dead letters and answers questions about the topics.
    pub producer: FutureProducer,
    /// Where the read model is.
    pub redis: Redis,
    /// Whom to ask for unknown users.
    pub actors: Actors,
    /// Told how far it is.
    pub progress: Progress,
}

impl Feeder {
    /// Runs until `stop`; the record at hand is finished.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Some((cluster, base)) = stop.run_until_cancelled(self.wait_for_both()).await
                && let Err(error) = Box::pin(self.session(cluster, base, stop.child_token())).await
            {
                tracing::error!(%error, "the consumer can't be made");
            }
            stop.run_until_cancelled(sleep(PAUSE)).await;
        }
    }

    async fn session(
        &self,
        cluster: String,
        base: String,
        session: CancellationToken,
    ) -> Result<(), KafkaError> {
        let offsets = Offsets::new(self.redis.clone(), cluster, base.clone());
        let topics: Vec<_> =
            ACTOR_TOPICS.iter().chain(&POST_TOPICS).map(|topic| self.kafka.name(topic)).collect();
        let expected = Arc::new(Expected::default());
        let applier = Applier {
            model: ReadModel::new(self.redis.clone(), base, Limits::default()),
            actors: self.actors.clone(),
            offsets: offsets.clone(),
            expected: Arc::clone(&expected),
            session: session.clone(),
            progress: Some(self.progress.clone()),
        };
        let consumer = |topics: &[&str]| {
            EventConsumer::new(&self.kafka, self.producer.clone(), "feed", topics, applier.clone())
        };
        let (actors, posts) = (consumer(&ACTOR_TOPICS)?, consumer(&POST_TOPICS)?);
        let watch = progress::watch(
            self.progress.clone(),
            topics,
            self.producer.clone(),
            offsets,
            Arc::clone(&expected),
            posts.backlog(),
            session.clone(),
        );
        tokio::join!(actors.run(session.clone()), posts.run(session), watch);
        Ok(())
    }

    /// Waits for Redis and Kafka; the id of the Kafka cluster, since offsets of another one mean nothing, and the base
    /// of the generation that is read.
    async fn wait_for_both(&self) -> (String, String) {
        let mut said = String::new();
        let base = loop {
            match self.load().await {
                Ok(base) => break base,
                // It asks several times a second, and has something to say when the reason is another one.
                Err(error) if said == error.to_string() => {}
                Err(error) => {
                    tracing::warn!(%error, "waiting for Redis");
                    said = error.to_string();
                }
            }
            self.progress.waits();
            sleep(PAUSE).await;
        };
        let mut cluster = pin!(cluster_id(&self.producer));
        loop {
            self.progress.waits();
            if let Ok(cluster) = timeout(PAUSE, &mut cluster).await {
                return (cluster, base);
            }
        }
    }

    async fn load(&self) -> RedisResult<String> {
        library::load(&self.redis).await?;
        page::generation(&self.redis).await
    }
}

/// The id of the Kafka cluster, as soon as it answers.
pub(crate) async fn cluster_id(producer: &FutureProducer) -> String {
    loop {
        let producer = producer.clone();
        let ask = spawn_blocking(move || producer.client().fetch_cluster_id(KAFKA_TIMEOUT));
        if let Ok(Some(cluster)) = ask.await {
            return cluster;
        }
        tracing::warn!("waiting for Kafka");
        sleep(PAUSE).await;
    }
}
