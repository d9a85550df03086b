//! What happens when the group shares the partitions out anew. Cooperative: a member keeps what it had and gives back
//! only what another one gets.

use std::{
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol, StreamConsumer},
    error::KafkaResult,
    types::RDKafkaRespErr,
};

use super::{Applier, Handler, Workers, connection::Connection, lag, lag::Statistics};

pub(super) struct Context<H: Handler> {
    handler: Arc<H>,
    applier: Arc<Applier<H>>,
    workers: Arc<Workers>,
    /// Whose context this is.
    consumer: OnceLock<Weak<StreamConsumer<Self>>>,
    lag: lag::Told,
    connection: Connection,
    /// Another client may be in its place, which tells how things are.
    leaving: AtomicBool,
}

impl<H: Handler> Context<H> {
    pub(super) fn new(handler: &Arc<H>, applier: &Arc<Applier<H>>, workers: &Arc<Workers>) -> Self {
        let (handler, applier, workers) = (Arc::clone(handler), Arc::clone(applier), Arc::clone(workers));
        let (consumer, lag, connection) =
            (OnceLock::new(), lag::Told::default(), Connection::new(Instant::now()));
        Self { handler, applier, workers, consumer, lag, connection, leaving: AtomicBool::new(false) }
    }

    /// It tells nothing any more.
    pub(super) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Returns when no broker was reached for `patience`.
    pub(super) async fn lost(&self, patience: Duration) {
        self.connection.lost(patience).await;
    }

    /// Tells whose context this is, before that one subscribes.
    pub(super) fn belongs_to(&self, consumer: &Arc<StreamConsumer<Self>>) {
        drop(self.consumer.set(Arc::downgrade(consumer)));
    }

    /// Where each of these partitions begins, and who applies its records.
    fn begin(&self, partitions: &mut TopicPartitionList) {
        let Some(consumer) = self.consumer.get().and_then(Weak::upgrade) else { return };
        for index in 0..partitions.count() {
            let Some(mut element) = partitions.elements().into_iter().nth(index) else { continue };
            let place = (element.topic().to_owned(), element.partition());
            if let Some(offset) = self.handler.start_offset(&place.0, place.1) {
                drop(element.set_offset(Offset::Offset(offset)));
            }
            self.workers.start(place, &consumer, &self.applier);
        }
    }
}

impl<H: Handler> ClientContext for Context<H> {
    fn stats_raw(&self, statistics: &[u8]) {
        if self.leaving.load(Ordering::Relaxed) {
            return;
        }
        match serde_json::from_slice::<Statistics>(statistics) {
            Ok(statistics) => {
                self.connection.tell(statistics.is_connected(), Instant::now());
                self.lag.tell(&statistics, &self.workers);
            }
            Err(error) => tracing::debug!(%error, "statistics of the Kafka client can't be read"),
        }
    }
}

impl<H: Handler> ConsumerContext for Context<H> {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        tracing::info!(?event, partitions = partitions.count(), "partitions reassigned");
        if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.begin(partitions);
        } else {
            // before they are given back: nobody else gets them while a record is still being applied here
            let places =
                partitions.elements().iter().map(|e| (e.topic().to_owned(), e.partition())).collect();
            self.workers.stop(places);
        }
        if let Err(error) = assign(consumer, event, partitions) {
            tracing::error!(%error, "partitions can't be taken or given back");
        }
    }
}

fn assign<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    event: RDKafkaRespErr,
    partitions: &TopicPartitionList,
) -> KafkaResult<()> {
    let cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
    match event {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS if cooperative => {
            consumer.incremental_assign(partitions)
        }
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => consumer.assign(partitions),
        _ if cooperative => consumer.incremental_unassign(partitions),
        _ => consumer.unassign(),
    }
}
