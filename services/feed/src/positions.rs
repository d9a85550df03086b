//! Where this consumer stands: the next offset of each partition, in memory beside the same in Redis. Every change
//! says from where it goes on; when Redis stands elsewhere (emptied, restored, or another member took over), the
//! consumer gives its partitions back and starts again from what Redis says.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use redis::RedisResult;
use tracklore_platform::event::Record;

use crate::{library, redis::Redis};

/// The offsets stored in Redis are those of one Kafka cluster, and of one generation of the read model.
#[derive(Clone, Debug)]
pub struct Offsets {
    redis: Redis,
    cluster: String,
    base: String,
}

/// What the consumer expects to find stored.
#[derive(Debug, Default)]
pub struct Expected(Mutex<HashMap<(String, i32), Position>>);

/// What Redis says of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The next offset.
    Offset(i64),
    /// It has none.
    Nothing,
    /// It could not be asked.
    Unknown,
}

/// A stored offset as Redis keeps it: decimal, or empty when there is none.
pub type Position = String;

/// Never stored, so a change that expects it is refused.
const UNKNOWN: &str = "unknown";

/// Where a record stands, as the function wants to know it.
pub struct Step {
    /// The generation's base and the key of the topic's offsets.
    pub keys: [String; 2],
    /// Cluster, partition, expected offset.
    pub from: [String; 3],
    /// The next offset, and which record stands before it.
    pub to: [String; 2],
}

impl Offsets {
    /// Offsets in the Kafka cluster with this id, of the generation whose keys begin with `base`.
    pub fn new(redis: Redis, cluster: String, base: String) -> Self {
        Self { redis, cluster, base }
    }

    /// The Redis key of the offsets of a topic (full name).
    fn key(&self, topic: &str) -> String {
        format!("{}offset:{topic}", self.base)
    }

    /// The stored offsets of a topic by partition; none of another cluster's.
    pub async fn stored(&self, topic: &str) -> RedisResult<HashMap<i32, i64>> {
        let answer = self.redis.send(redis::cmd("HGETALL").arg(self.key(topic))).await?;
        let mut fields: HashMap<String, String> = redis::FromRedisValue::from_redis_value(answer)?;
        if fields.remove("cluster").as_ref() != Some(&self.cluster) {
            return Ok(HashMap::new());
        }
        Ok(fields
            .iter()
            .filter_map(|(partition, next)| Some((partition.parse().ok()?, next.parse().ok()?)))
            .collect())
    }

    /// What the functions need to know to take `record` as the one after `expected`.
    pub fn step(&self, record: &Record, expected: Position) -> Step {
        Step {
            keys: [self.base.clone(), self.key(&record.topic)],
            from: [self.cluster.clone(), record.partition.to_string(), expected],
            to: [(record.offset + 1).to_string(), record.header("ce_id").unwrap_or_default().to_owned()],
        }
    }

    /// Forgets the offsets of a topic: another one stands behind its name.
    pub async fn restart(&self, topic: &str) -> RedisResult<()> {
        library::call(&self.redis, "restart", &[&self.base, &self.key(topic)], &[]).await
    }
}

impl Expected {
    /// A partition was assigned, and this is stored for it.
    pub fn assigned(&self, topic: &str, partition: i32, stored: Stored) {
        let position = match stored {
            Stored::Offset(offset) => offset.to_string(),
            Stored::Nothing => String::new(),
            Stored::Unknown => UNKNOWN.to_owned(),
        };
        self.lock().insert((topic.to_owned(), partition), position);
    }

    /// What must be stored when `record` is applied.
    pub fn before(&self, record: &Record) -> Position {
        self.lock()
            .get(&(record.topic.clone(), record.partition))
            .cloned()
            .unwrap_or_else(|| UNKNOWN.to_owned())
    }

    /// `record` was applied.
    pub fn passed(&self, record: &Record) {
        self.lock().insert((record.topic.clone(), record.partition), (record.offset + 1).to_string());
    }

    /// What this consumer has written of a topic: the next offsets.
    pub fn written(&self, topic: &str) -> HashMap<i32, i64> {
        let all = self.lock();
        let of_topic = all.iter().filter(|((of, _), _)| of == topic);
        of_topic.filter_map(|((_, partition), position)| Some((*partition, position.parse().ok()?))).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, i32), Position>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether Redis holds less than was written before it was asked: it was emptied or restored. (What is written while it
/// answers isn't in the answer.) A partition that another member took over only ever holds more.
pub(crate) fn has_lost(written: &HashMap<i32, i64>, stored: &HashMap<i32, i64>) -> bool {
    written.iter().any(|(partition, ours)| stored.get(partition).is_none_or(|theirs| theirs < ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: i64) -> Record {
        Record { topic: "t".into(), partition: 1, offset, key: vec![], value: None, headers: vec![] }
    }

    #[test]
    fn what_is_expected_is_what_was_stored_then_what_was_passed() {
        let expected = Expected::default();
        assert_eq!(expected.before(&record(0)), UNKNOWN);
        for (stored, position) in
            [(Stored::Unknown, UNKNOWN), (Stored::Nothing, ""), (Stored::Offset(7), "7")]
        {
            expected.assigned("t", 1, stored);
            assert_eq!(expected.before(&record(7)), position);
        }
        expected.passed(&record(7));
        assert_eq!(expected.before(&record(8)), "8");
    }

    #[test]
    fn only_a_redis_that_holds_less_than_was_written_has_lost_something() {
        let expected = Expected::default();
        expected.assigned("t", 1, Stored::Nothing);
        assert!(!has_lost(&expected.written("t"), &HashMap::new()));
        expected.passed(&record(4));
        for (stored, lost) in [
            (HashMap::new(), true),
            ([(1, 4)].into(), true),
            ([(1, 5)].into(), false),
            ([(1, 9)].into(), false),
        ] {
            assert_eq!(has_lost(&expected.written("t"), &stored), lost, "{stored:?}");
        }
        assert!(expected.written("other").is_empty());
    }
}
