//! How far a consumer is behind, told to Prometheus: in events as librdkafka counts them, in time by the records at
//! hand. Partitions that went to another member count as 0 here: that one tells of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;

use super::workers::Workers;
use crate::{
    metrics::{LAG_MESSAGES, LAG_SECONDS},
    time::Timestamp,
};

/// How often librdkafka tells its statistics.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// What was told last.
#[derive(Default)]
pub(super) struct Told(Mutex<BTreeSet<(String, i32)>>);

/// The parts of librdkafka's statistics that say how far a consumer is.
#[derive(Deserialize)]
pub(super) struct Statistics {
    #[serde(default)]
    brokers: BTreeMap<String, Broker>,
    #[serde(default)]
    topics: BTreeMap<String, Topic>,
}

#[derive(Deserialize)]
struct Broker {
    /// -1 where only the address is known that the settings have.
    nodeid: i32,
    state: String,
}

#[derive(Deserialize)]
struct Topic {
    partitions: BTreeMap<String, Partition>,
}

/// Numbers below 0 are not known.
#[derive(Deserialize)]
struct Partition {
    /// Below 0 for records that have no partition yet.
    #[serde(rename = "partition")]
    number: i32,
    fetch_state: String,
    hi_offset: i64,
    next_offset: i64,
    consumer_lag: i64,
    consumer_lag_stored: i64,
}

impl Statistics {
    /// Whether a broker is reached.
    pub(super) fn is_connected(&self) -> bool {
        self.brokers.values().any(|broker| broker.nodeid >= 0 && broker.state == "UP")
    }
}

impl Partition {
    /// Whether it is assigned to this process.
    fn is_ours(&self) -> bool {
        self.number >= 0 && self.fetch_state == "active"
    }

    /// Events that aren't applied yet: by what was applied since the assignment, else by what the group has committed,
    /// else by what was fetched.
    fn lag(&self) -> i64 {
        let fetched = if self.hi_offset < 0 { 0 } else { self.hi_offset - self.next_offset.max(0) };
        let known = [self.consumer_lag_stored, self.consumer_lag];
        known.into_iter().find(|lag| *lag >= 0).unwrap_or(fetched).max(0)
    }
}

impl Told {
    /// Tells what librdkafka's statistics say.
    pub(super) fn tell(&self, statistics: &Statistics, workers: &Workers) {
        let oldest = workers.oldest();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone = std::mem::take(&mut *told);
        for (name, topic) in &statistics.topics {
            for partition in topic.partitions.values().filter(|partition| partition.is_ours()) {
                let place = (name.clone(), partition.number);
                lag(&place, partition.lag());
                gone.remove(&place);
                told.insert(place);
            }
            let age =
                oldest.get(name).map_or(0, |since| Timestamp::now().unix_millis() - since.unix_millis());
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
            let age = age.max(0) as f64 / 1000.0;
            metrics::gauge!(LAG_SECONDS.name, "messaging_destination_name" => name.clone()).set(age);
        }
        for place in gone {
            lag(&place, 0);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
fn lag((topic, partition): &(String, i32), events: i64) {
    metrics::gauge!(
        LAG_MESSAGES.name,
        "messaging_destination_name" => topic.clone(),
        "messaging_destination_partition_id" => partition.to_string(),
    )
    .set(events as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(state: &str, numbers: [i64; 4]) -> Partition {
        let [hi_offset, next_offset, consumer_lag, consumer_lag_stored] = numbers;
        let fetch_state = state.to_owned();
        Partition { number: 0, fetch_state, hi_offset, next_offset, consumer_lag, consumer_lag_stored }
    }

    #[test]
    fn what_is_known_best_counts_and_what_is_not_known_is_no_lag() {
        assert_eq!(partition("active", [100, 90, 30, 20]).lag(), 20);
        assert_eq!(partition("active", [100, 90, 30, -1]).lag(), 30);
        assert_eq!(partition("active", [100, 90, -1, -1]).lag(), 10);
        assert_eq!(partition("active", [-1001, -1001, -1, -1]).lag(), 0);
    }

    #[test]
    fn only_assigned_partitions_count() {
        assert!(partition("active", [0; 4]).is_ours());
        assert!(!partition("none", [0; 4]).is_ours());
        assert!(!Partition { number: -1, ..partition("active", [0; 4]) }.is_ours());
    }

    #[test]
    fn librdkafkas_own_words_are_understood() {
        let text = r#"{"name":"rdkafka#consumer-1","ts":1,"brokers":{
            "a:9092/1":{"name":"a:9092/1","nodeid":1,"state":"UP","rxbytes":4}},"topics":{"posts-events":{"topic":"posts-events","partitions":{
            "0":{"partition":0,"broker":1,"fetch_state":"active","next_offset":7,"hi_offset":9,"consumer_lag":-1,
            "consumer_lag_stored":2,"txmsgs":0},"-1":{"partition":-1,"fetch_state":"none","next_offset":-1001,
            "hi_offset":-1001,"consumer_lag":-1,"consumer_lag_stored":-1}}}},"tx":4}"#;
        let statistics: Statistics = serde_json::from_str(text).unwrap();
        assert!(statistics.is_connected());
        let partitions = &statistics.topics["posts-events"].partitions;
        assert!(partitions["0"].is_ours() && !partitions["-1"].is_ours());
        assert_eq!(partitions["0"].lag(), 2);
    }
}
