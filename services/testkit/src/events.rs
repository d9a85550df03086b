//! The test's own view of Kafka: topics, what stands in them, and records that no service would write.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    message::{Header, Headers, OwnedHeaders},
    metadata::MetadataPartition,
    producer::{FutureProducer, FutureRecord},
    topic_partition_list::{Offset, TopicPartitionList},
};
use tracklore_platform::event::Record;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Topics of a stack, and their partitions in tests (two, so that order across them is seen not to matter).
const TOPICS: [(&str, i32); 10] = [
    ("user-events", 2),
    ("session-events", 1),
    ("profile-events", 2),
    ("posts-events", 2),
    ("user-events.user.dlq", 1),
    ("user-events.posts.dlq", 1),
    ("user-events.feed.dlq", 1),
    ("profile-events.posts.dlq", 1),
    ("profile-events.feed.dlq", 1),
    ("posts-events.feed.dlq", 1),
];

/// Kafka as one stack sees it.
pub(crate) struct Events {
    bootstrap: String,
    pub(crate) prefix: String,
}

impl Events {
    /// Makes the stack's topics.
    pub(crate) async fn create(bootstrap: &str, prefix: String) -> Self {
        let events = Self { bootstrap: bootstrap.to_owned(), prefix };
        let names: Vec<_> =
            TOPICS.iter().map(|(name, partitions)| (events.name(name), *partitions)).collect();
        let topics: Vec<_> = names
            .iter()
            .map(|(name, partitions)| NewTopic::new(name, *partitions, TopicReplication::Fixed(1)))
            .collect();
        let results = events.admin().create_topics(&topics, &AdminOptions::new()).await;
        for result in results.expect("the test's Kafka answers") {
            result.expect("the topic is made");
        }
        events
    }

    /// Removes the stack's topics.
    pub(crate) async fn delete(&self) {
        let names: Vec<_> = TOPICS.iter().map(|(name, _)| self.name(name)).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        // left-overs only cost a little memory until the containers go
        drop(self.admin().delete_topics(&names, &AdminOptions::new()).await);
    }

    /// Gives a topic more partitions.
    pub(crate) async fn grow(&self, topic: &str, partitions: usize) {
        let topic = self.name(topic);
        let grown = [NewPartitions::new(&topic, partitions)];
        let results = self.admin().create_partitions(&grown, &AdminOptions::new()).await;
        for result in results.expect("the test's Kafka answers") {
            result.expect("the topic grows");
        }
    }

    /// Everything in the topic now, in the order of each partition.
    pub(crate) async fn read(&self, topic: &str) -> Vec<Record> {
        let (topic, config) = (self.name(topic), self.config());
        let read = move || read_to_the_end(&config, &topic);
        tokio::task::spawn_blocking(read).await.expect("reading doesn't panic")
    }

    /// Writes any record, also a bad one.
    pub(crate) async fn write(&self, topic: &str, key: &str, headers: &[(&str, &str)], value: Option<&[u8]>) {
        let producer: FutureProducer = self.config().create().expect("a producer");
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |all, &(key, value)| all.insert(Header { key, value: Some(value) }));
        let topic = self.name(topic);
        let mut record = FutureRecord::to(&topic).key(key).headers(headers);
        if let Some(value) = value {
            record = record.payload(value);
        }
        producer.send(record, TIMEOUT).await.expect("Kafka takes the record");
    }

    fn name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("group.id", format!("{}test", self.prefix));
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().expect("an admin client")
    }
}

/// Reads all partitions together, each up to where it ended when reading began (or a little further).
fn read_to_the_end(config: &ClientConfig, topic: &str) -> Vec<Record> {
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT).expect("the topic is known");
    let partitions = metadata.topics().iter().flat_map(|t| t.partitions().iter().map(MetadataPartition::id));
    let mut assignment = TopicPartitionList::new();
    // where each partition that still has records to read ends
    let mut ends = BTreeMap::new();
    for partition in partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition, TIMEOUT).expect("watermarks");
        if low < high {
            assignment.add_partition_offset(topic, partition, Offset::Offset(low)).expect("an offset");
            ends.insert(partition, high);
        }
    }
    consumer.assign(&assignment).expect("an assignment");
    let mut records = Vec::new();
    let started = Instant::now();
    while !ends.is_empty() {
        assert!(started.elapsed() < TIMEOUT, "no record of {ends:?} came in time");
        // nothing at all may come before the time is over, when the client had other things to do
        let Some(message) = consumer.poll(TIMEOUT) else { continue };
        let message = message.expect("a readable record");
        if ends.get(&message.partition()).is_some_and(|end| message.offset() + 1 >= *end) {
            ends.remove(&message.partition());
        }
        records.push(Record {
            topic: topic.to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().unwrap_or_default().to_vec(),
            value: message.payload().map(<[u8]>::to_vec),
            headers: message.headers().map_or_else(Vec::new, |headers| {
                headers.iter().map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec())).collect()
            }),
        });
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}
