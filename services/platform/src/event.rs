//! Events as CloudEvents 1.0 in binary mode over Kafka: attributes are headers, the value is the full state as JSON.

pub mod gate;

use std::collections::BTreeMap;

use rdkafka::{
    Message,
    message::{BorrowedMessage, Headers},
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    time::Timestamp,
    trace::{TRACEPARENT, TraceContext},
};

/// Something that happened to an aggregate, on its way into the outbox.
#[derive(Clone, Debug)]
pub struct Event {
    /// What kind of aggregate; decides the topic.
    pub aggregate_type: &'static str,
    /// Which one; the Kafka key, so order holds per aggregate.
    pub aggregate_id: String,
    /// `tracklore.post.created.v1` and the like.
    pub r#type: &'static str,
    /// Counts the aggregate's events from 1, without gaps unless its database was restored to an earlier time; consumers
    /// skip what they have seen.
    pub sequence: i64,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The full state after it; null leaves nothing in a compacted topic (a record without a value, which consumers pass
    /// over).
    pub payload: serde_json::Value,
}

impl Event {
    /// The Kafka headers of this event published by `source`.
    pub(crate) fn headers(&self, source: &str) -> BTreeMap<&'static str, String> {
        let mut headers = BTreeMap::from([
            ("ce_specversion", "1.0".to_owned()),
            ("ce_id", Uuid::now_v7().to_string()),
            ("ce_type", self.r#type.to_owned()),
            ("ce_source", source.to_owned()),
            ("ce_subject", self.aggregate_id.clone()),
            ("ce_time", self.occurred_at.to_string()),
            ("ce_sequence", self.sequence.to_string()),
            ("content-type", "application/json".to_owned()),
        ]);
        if let Some(trace) = TraceContext::current() {
            headers.insert(TRACEPARENT, trace.to_string());
        }
        headers
    }
}

/// Serialises a payload. State structs of this project always can be.
pub fn payload<T: Serialize>(state: &T) -> serde_json::Value {
    serde_json::to_value(state).unwrap_or_default()
}

/// Why a record is no event that anybody could process; retrying doesn't help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecord {
    /// A header is missing or no UTF-8.
    #[error("header {0} is missing or not text")]
    Header(&'static str),
    /// `ce_sequence` or `ce_time` don't parse.
    #[error("header {0} isn't valid")]
    Value(&'static str),
    /// The payload isn't what the type promises.
    #[error("payload of {type} isn't valid: {reason}")]
    Payload {
        /// The event type.
        r#type: String,
        /// The parser's word.
        reason: String,
    },
}

/// A record read from Kafka.
#[derive(Clone, Debug)]
pub struct Record {
    /// The topic's full name, with the prefix.
    pub topic: String,
    /// Where in the topic.
    pub partition: i32,
    /// Where in the partition.
    pub offset: i64,
    /// The key as bytes.
    pub key: Vec<u8>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// All headers as bytes.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// A record that is a well-formed event.
#[derive(Clone, Debug)]
pub struct Received {
    /// `ce_type`.
    pub r#type: String,
    /// `ce_subject`: the aggregate's id.
    pub subject: String,
    /// `ce_sequence`.
    pub sequence: i64,
    /// `ce_time`.
    pub occurred_at: Timestamp,
    value: Vec<u8>,
}

impl Record {
    /// Copies a borrowed Kafka message.
    pub(crate) fn from_message(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers.iter().map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec())).collect()
        });
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().unwrap_or_default().to_vec(),
            value: message.payload().map(<[u8]>::to_vec),
            headers,
        }
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn size(&self) -> usize {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| size_of::<(String, Vec<u8>)>() + name.len() + value.len());
        size_of::<Self>()
            + self.topic.len()
            + self.key.len()
            + self.value.as_ref().map_or(0, Vec::len)
            + headers.sum::<usize>()
    }

    /// The header's text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The event in this record; `None` for a tombstone.
    pub fn event(&self) -> Result<Option<Received>, InvalidRecord> {
        let Some(value) = &self.value else { return Ok(None) };
        let required = |name| self.header(name).ok_or(InvalidRecord::Header(name));
        let time = chrono::DateTime::parse_from_rfc3339(required("ce_time")?)
            .map_err(|_| InvalidRecord::Value("ce_time"))?;
        Ok(Some(Received {
            r#type: required("ce_type")?.to_owned(),
            subject: required("ce_subject")?.to_owned(),
            sequence: required("ce_sequence")?.parse().map_err(|_| InvalidRecord::Value("ce_sequence"))?,
            occurred_at: time.to_utc().into(),
            value: value.clone(),
        }))
    }

    /// The step of a trace that wrote the event, if it was part of one.
    pub fn trace(&self) -> Option<TraceContext> {
        self.header(TRACEPARENT)?.parse().ok()
    }

    /// When it happened, if the record says so.
    pub fn occurred_at(&self) -> Option<Timestamp> {
        let time = chrono::DateTime::parse_from_rfc3339(self.header("ce_time")?).ok()?;
        Some(time.to_utc().into())
    }
}

impl Received {
    /// The state in the payload.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, InvalidRecord> {
        serde_json::from_slice(&self.value).map_err(|error| InvalidRecord::Payload {
            r#type: self.r#type.clone(),
            reason: error.to_string(),
        })
    }

    /// The payload's bytes as they were published.
    pub fn bytes(&self) -> &[u8] {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(headers: BTreeMap<&str, String>, value: Option<&str>) -> Record {
        Record {
            topic: "posts-events".into(),
            partition: 0,
            offset: 0,
            key: b"p".to_vec(),
            value: value.map(|v| v.as_bytes().to_vec()),
            headers: headers.into_iter().map(|(k, v)| (k.to_owned(), v.into_bytes())).collect(),
        }
    }

    fn event() -> Event {
        Event {
            aggregate_type: "post",
            aggregate_id: "p".into(),
            r#type: "tracklore.post.created.v1",
            sequence: 1,
            occurred_at: Timestamp::from_unix_millis(1_763_629_800_123),
            payload: serde_json::json!({"id": "p"}),
        }
    }

    #[test]
    fn what_is_published_is_what_is_received() {
        let received = record(event().headers("posts"), Some(r#"{"id":"p"}"#)).event().unwrap().unwrap();
        assert_eq!((received.r#type.as_str(), received.subject.as_str()), ("tracklore.post.created.v1", "p"));
        assert_eq!((received.sequence, received.occurred_at), (1, event().occurred_at));
        assert_eq!(received.payload::<serde_json::Value>().unwrap(), event().payload);
    }

    #[test]
    fn a_missing_or_bad_header_is_named() {
        for name in ["ce_type", "ce_subject", "ce_time", "ce_sequence"] {
            let mut headers = event().headers("posts");
            headers.remove(name);
            assert_eq!(record(headers, Some("{}")).event().unwrap_err(), InvalidRecord::Header(name));
        }
        let mut headers = event().headers("posts");
        headers.insert("ce_sequence", "one".into());
        assert_eq!(record(headers, Some("{}")).event().unwrap_err(), InvalidRecord::Value("ce_sequence"));
    }

    #[test]
    fn a_tombstone_is_no_event_and_no_error() {
        assert!(record(BTreeMap::new(), None).event().unwrap().is_none());
    }
}
