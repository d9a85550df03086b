//! What happens when the group shares the partitions out anew. Cooperative: a member keeps what it had and gives back
//! only what another one gets.

use std::sync::Arc;

use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol},
    error::KafkaResult,
    types::RDKafkaRespErr,
};

use super::{Handler, Workers, lag};

pub(super) struct Context<H> {
    handler: Arc<H>,
    workers: Arc<Workers>,
    lag: lag::Told,
}

impl<H> Context<H> {
    pub(super) fn new(handler: Arc<H>, workers: Arc<Workers>) -> Self {
        Self { handler, workers, lag: lag::Told::default() }
    }
}

impl<H: Handler> ClientContext for Context<H> {
    fn stats_raw(&self, statistics: &[u8]) {
        self.lag.take(statistics, &self.workers);
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
            for index in 0..partitions.count() {
                let Some(mut element) = partitions.elements().into_iter().nth(index) else { continue };
                if let Some(offset) = self.handler.start_offset(element.topic(), element.partition()) {
                    drop(element.set_offset(Offset::Offset(offset)));
                }
            }
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
