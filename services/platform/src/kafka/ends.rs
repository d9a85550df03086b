//! Where a topic begins and ends.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    client::{Client, ClientContext},
    metadata::MetadataPartition,
};

use super::ReadError;

/// The first and the next offset of each partition.
pub type Ends = BTreeMap<i32, (i64, i64)>;

/// Asks for the ends of the topic with this full name, each question for at most `timeout`. Blocks.
pub fn ends<C: ClientContext>(client: &Client<C>, topic: &str, timeout: Duration) -> Result<Ends, ReadError> {
    let metadata = client.fetch_metadata(Some(topic), timeout)?;
    let found = metadata.topics().iter().filter(|found| found.error().is_none());
    let partitions: Vec<i32> =
        found.flat_map(|found| found.partitions().iter().map(MetadataPartition::id)).collect();
    if partitions.is_empty() {
        return Err(ReadError::NoTopic(topic.to_owned()));
    }
    let end = |partition| Ok((partition, client.fetch_watermarks(topic, partition, timeout)?));
    partitions.into_iter().map(end).collect()
}
