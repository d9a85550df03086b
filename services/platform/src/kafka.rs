//! Connections to Kafka: one place for security, names and sizes. librdkafka's queues are set small, because the
//! services keep nothing in them that the outbox or the log doesn't hold.

mod ends;
mod read;

use std::{sync::Arc, time::Duration};

use rdkafka::{ClientConfig, producer::FutureProducer};
use secrecy::ExposeSecret;

pub use ends::{Ends, ends};
pub use read::{BadStart, ReadError, Reading, Start, read_all};

use crate::args::KafkaArgs;

/// A client that reaches no broker for so long is given up. Longer than a broker takes to start anew.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Kafka could not be set up; a wrong setting, since nothing connects yet.
#[derive(Debug, thiserror::Error)]
#[error("Kafka client can't be made")]
pub struct KafkaError(#[from] rdkafka::error::KafkaError);

/// How to reach the cluster and what names mean there.
#[derive(Clone, Debug)]
pub struct Kafka {
    // cloned with the state of each request
    base: Arc<ClientConfig>,
    prefix: Arc<str>,
}

impl Kafka {
    /// Takes the settings; nothing connects yet.
    pub fn new(args: &KafkaArgs) -> Self {
        let mut base = ClientConfig::new();
        base.set("bootstrap.servers", &args.kafka_bootstrap_servers)
            .set("security.protocol", &args.kafka_security_protocol)
            .set("client.id", "tracklore")
            // partitions may be added while we run
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set("reconnect.backoff.max.ms", "2000")
            .set("log.connection.close", "false");
        if args.kafka_security_protocol.starts_with("sasl") {
            base.set("sasl.mechanism", &args.kafka_sasl_mechanism)
                .set("sasl.username", args.kafka_sasl_username.as_deref().unwrap_or_default())
                .set("sasl.password", args.kafka_sasl_password.as_ref().map_or("", |p| p.expose_secret()));
        }
        if let Some(file) = &args.kafka_ca_file {
            base.set("ssl.ca.location", file.to_string_lossy());
        }
        Self { base: base.into(), prefix: args.kafka_topic_prefix.as_str().into() }
    }

    /// The full name of a topic or consumer group.
    pub fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A producer that neither loses, doubles nor reorders what it acknowledges.
    pub fn producer(&self) -> Result<FutureProducer, KafkaError> {
        Ok(ClientConfig::clone(&self.base)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "zstd")
            .set("linger.ms", "2")
            .set("delivery.timeout.ms", "15000")
            .set("queue.buffering.max.kbytes", "8192")
            .create()?)
    }

    /// The settings of a reader that assigns itself partitions and keeps no offsets; `name` is for the broker's logs.
    pub fn reader(&self, name: &str) -> ClientConfig {
        let mut config = ClientConfig::clone(&self.base);
        config
            .set("group.id", self.name(name))
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", "1024")
            .set("fetch.message.max.bytes", "262144");
        config
    }

    /// The settings of a consumer of `group`; offsets are stored by hand, after the effect.
    pub fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = ClientConfig::clone(&self.base);
        config
            .set("group.id", self.name(group))
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "1000")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "10000")
            // A partition with enough waiting is left out of a fetch, and then waits for the answer to it, which takes this
            // long when nothing else comes: so little that what it has is enough meanwhile.
            .set("fetch.wait.max.ms", "100")
            .set("fetch.queue.backoff.ms", "10")
            // of each partition
            .set("queued.max.messages.kbytes", "2048")
            .set("fetch.message.max.bytes", "1048576");
        config
    }
}
