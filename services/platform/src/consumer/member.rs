//! A member of a consumer group: a client of Kafka, and the workers of the partitions that it was given.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    Message,
    consumer::{Consumer, StreamConsumer},
};
use tokio::time::sleep;

use super::{Applier, Handler, PAUSE, context::Context, lag, workers::Workers};
use crate::kafka::{Kafka, KafkaError};

/// What makes members of a service's group.
pub(super) struct Group<H: Handler> {
    pub(super) kafka: Kafka,
    pub(super) service: &'static str,
    /// Their full names.
    pub(super) topics: Vec<String>,
    pub(super) handler: Arc<H>,
    pub(super) applier: Arc<Applier<H>>,
}

/// One of them; it gets its partitions when it has found Kafka, and as long as it is asked for what it receives.
pub(super) struct Member<H: Handler> {
    client: Arc<StreamConsumer<Context<H>>>,
    workers: Arc<Workers>,
}

impl<H: Handler> Group<H> {
    /// Another member. Nothing connects yet.
    pub(super) fn join(&self) -> Result<Member<H>, KafkaError> {
        let workers = Arc::new(Workers::default());
        let client: Arc<StreamConsumer<Context<H>>> = self
            .kafka
            .consumer(&format!("tracklore-{}", self.service))
            .set("statistics.interval.ms", lag::INTERVAL.as_millis().to_string())
            .create_with_context(Context::new(&self.handler, &self.applier, &workers))
            .map(Arc::new)?;
        client.context().belongs_to(&client);
        client.subscribe(&self.topics.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(Member { client, workers })
    }
}

impl<H: Handler> Member<H> {
    /// Those of its partitions.
    pub(super) fn workers(&self) -> Arc<Workers> {
        Arc::clone(&self.workers)
    }

    /// Returns when no broker was reached for `patience`.
    pub(super) async fn receive(&self, patience: Duration) {
        let receiving = async {
            loop {
                match self.client.recv().await {
                    // what is assigned was split off before: only news of the group come this way
                    Ok(message) => {
                        tracing::error!(topic = message.topic(), "a record came past its partition's worker");
                    }
                    Err(error) => {
                        tracing::warn!(%error, "Kafka can't be read");
                        sleep(PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = receiving => {}
            () = self.client.context().lost(patience) => {}
        }
    }

    /// Finishes the records at hand, and leaves the group: that commits what was stored, and waits for the broker.
    pub(super) async fn leave(self) {
        self.client.context().leave();
        self.workers.stop_all().await;
        drop(tokio::task::spawn_blocking(move || drop(self.client)).await);
    }
}
