//! A dead letter: the record as it was, and why it is here.

use rdkafka::message::{Header, OwnedHeaders};

use crate::{event::Record, id::UserId, time::Timestamp};

/// What the headers that are added begin with.
const PREFIX: &str = "dlq_";

/// A record that nobody could process.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The record as it was read: topic, position, key, headers, value.
    pub record: Record,
    /// Why it couldn't be processed.
    pub reason: String,
    /// When it was put here.
    pub buried_at: Timestamp,
}

/// The id of the letter that a record becomes.
pub(super) fn id(record: &Record) -> String {
    format!("{}/{}/{}", record.topic, record.partition, record.offset)
}

/// The record's own headers, and what a letter adds.
pub(super) fn headers(record: &Record, reason: &str) -> OwnedHeaders {
    let added = [
        ("dlq_reason", reason.as_bytes().to_vec()),
        ("dlq_topic", record.topic.clone().into_bytes()),
        ("dlq_partition", record.partition.to_string().into_bytes()),
        ("dlq_offset", record.offset.to_string().into_bytes()),
        ("dlq_key", record.key.clone()),
        ("dlq_time", Timestamp::now().to_string().into_bytes()),
    ];
    let own = record.headers.iter().filter(|(key, _)| !key.starts_with(PREFIX));
    let own = own.map(|(key, value)| (key.as_str(), value));
    own.chain(added.iter().map(|(key, value)| (*key, value)))
        .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(value) }))
}

impl Letter {
    /// The letter in a record of a dead-letter topic; `None` when the record takes a letter back, or is none.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let value = record.value.clone()?;
        let header = |name| record.header(name);
        let key = record.headers.iter().find(|(name, _)| name == "dlq_key").map(|(_, key)| key.clone())?;
        Some(Self {
            reason: header("dlq_reason")?.to_owned(),
            buried_at: chrono::DateTime::parse_from_rfc3339(header("dlq_time")?).ok()?.to_utc().into(),
            record: Record {
                topic: header("dlq_topic")?.to_owned(),
                partition: header("dlq_partition")?.parse().ok()?,
                offset: header("dlq_offset")?.parse().ok()?,
                key,
                value: Some(value),
                headers: record.headers.iter().filter(|(key, _)| !key.starts_with(PREFIX)).cloned().collect(),
            },
        })
    }

    /// What it is called by.
    pub fn id(&self) -> String {
        id(&self.record)
    }

    /// Whether it is about this user: keys are ids, or pairs that have one in them; of other kinds (posts), the
    /// payload names the author.
    pub fn concerns(&self, user: UserId) -> bool {
        let id = user.to_string();
        let key = String::from_utf8_lossy(&self.record.key);
        if key.split(':').any(|part| part == id) {
            return true;
        }
        let value: serde_json::Value =
            serde_json::from_slice(self.record.value.as_deref().unwrap_or_default()).unwrap_or_default();
        ["author_id", "user_id"].iter().any(|field| {
            value.get(field).and_then(serde_json::Value::as_i64).is_some_and(|found| found == user.get())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, value: &str) -> Record {
        Record {
            topic: "posts-events".to_owned(),
            partition: 1,
            offset: 9,
            key: key.as_bytes().to_vec(),
            value: Some(value.as_bytes().to_vec()),
            headers: vec![
                ("ce_type".to_owned(), b"x".to_vec()),
                ("dlq_reason".to_owned(), b"forged".to_vec()),
            ],
        }
    }

    /// What stands in the dead-letter topic after `record` was buried.
    fn buried(record: &Record) -> Record {
        use rdkafka::message::Headers;
        let headers = headers(record, "why");
        let headers = headers.iter().map(|h| (h.key.to_owned(), h.value.unwrap().to_vec())).collect();
        Record { topic: "posts-events.feed.dlq".to_owned(), headers, ..record.clone() }
    }

    #[test]
    fn a_letter_gives_back_the_record_as_it_was_and_only_our_own_reason() {
        let letter = Letter::of(&buried(&record("k", "{"))).unwrap();
        assert_eq!((letter.id().as_str(), letter.reason.as_str()), ("posts-events/1/9", "why"));
        assert_eq!(
            (letter.record.key.as_slice(), letter.record.value.as_deref()),
            (&b"k"[..], Some(&b"{"[..]))
        );
        assert_eq!(letter.record.headers, [("ce_type".to_owned(), b"x".to_vec())]);
    }

    #[test]
    fn an_empty_record_and_a_foreign_one_are_no_letters() {
        assert!(Letter::of(&Record { value: None, ..buried(&record("k", "")) }).is_none());
        assert!(Letter::of(&record("k", "{}")).is_none());
    }

    #[test]
    fn a_letter_concerns_those_whom_key_or_payload_name() {
        for (key, value, concerns) in [
            ("7", "", true),
            ("7:8", "{", true),
            ("8:7", "{", true),
            ("77", "{}", false),
            ("p", r#"{"author_id": 7}"#, true),
            ("p", r#"{"author_id": 8}"#, false),
        ] {
            let letter = Letter::of(&buried(&record(key, value))).unwrap();
            assert_eq!(letter.concerns(7.try_into().unwrap()), concerns, "{key} {value}");
        }
    }
}
