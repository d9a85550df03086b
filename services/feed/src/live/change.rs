//! Entries of the log, and places in it.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use redis::{FromRedisValue, ParsingError, RedisResult, Value, from_redis_value};
use tracklore_platform::{
    cursor,
    id::UserId,
    problem::Problem,
    trace::{Kind, Span, TraceContext},
};
use uuid::Uuid;

use crate::{library, redis::Redis};

/// The Redis stream.
pub const LOG: &str = "feed:log";
/// Binds cursors to the log.
const CURSOR: &str = "log";

/// The id of an entry: the time and a count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId(pub u64, pub u64);

/// A place in the log: after an entry, in the log of this epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Another one when the log was lost.
    pub epoch: String,
    /// The entry before.
    pub id: EntryId,
}

/// Who could see a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Everybody.
    Public,
    /// The author's followers.
    Followers,
    /// Nobody.
    Nobody,
    /// It isn't known (any more).
    Unknown,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A post.
    Post {
        /// Which.
        id: Uuid,
        /// Whose.
        author: UserId,
        /// Who could see it.
        before: Sight,
        /// Who can see it.
        after: Sight,
        /// The activity, when somebody can see it.
        json: Bytes,
    },
    /// Whom this user follows.
    Follows(UserId),
    /// Everything may have.
    Everything,
}

/// An entry of the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The place after it.
    pub position: Position,
    /// What it tells.
    pub change: Change,
    /// The trace that brought it about, if it is kept.
    pub trace: Option<Traced>,
}

/// A trace that goes on to the clients. A change may be told to thousands of them: the first few stand for all.
#[derive(Clone, Debug)]
pub struct Traced {
    context: TraceContext,
    steps: Arc<AtomicUsize>,
}

/// Clients whose part in a trace is told, of each change and replica.
const CLIENTS: usize = 8;

impl Traced {
    fn new(traceparent: &str) -> Option<Self> {
        Some(Self { context: traceparent.parse().ok()?, steps: Arc::default() })
    }

    /// A step of the trace, unless there were enough.
    pub fn step(&self) -> Option<Span> {
        let before = self.steps.fetch_add(1, Ordering::Relaxed);
        (before < CLIENTS).then(|| Span::entry(Kind::Producer, Some(self.context)))
    }
}

impl PartialEq for Traced {
    fn eq(&self, other: &Self) -> bool {
        self.context == other.context
    }
}

impl Eq for Traced {}

/// What stands after a place.
pub enum After {
    /// These, oldest first.
    Entries(Vec<Entry>),
    /// Some of it is gone, or it isn't there any more; this is the end of the log.
    Lost(Position),
}

impl Position {
    /// As clients get it.
    pub fn cursor(&self) -> String {
        cursor::encode(CURSOR, &(&self.epoch, self.id.0, self.id.1))
    }

    /// The place that a client has; 400 when it isn't one of ours.
    pub fn of_cursor(cursor: &str) -> Result<Self, Problem> {
        let (epoch, time, count) = cursor::decode(CURSOR, cursor)?;
        Ok(Self { epoch, id: EntryId(time, count) })
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.0, self.1)
    }
}

impl FromStr for EntryId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (time, count) = text.split_once('-').unwrap_or((text, "0"));
        Ok(Self(time.parse()?, count.parse()?))
    }
}

impl Sight {
    fn of(text: &[u8]) -> Self {
        match text {
            b"public" => Self::Public,
            b"followers" => Self::Followers,
            b"nobody" => Self::Nobody,
            _ => Self::Unknown,
        }
    }
}

/// Begins a log, when there is none.
pub async fn begin(redis: &Redis) -> RedisResult<()> {
    let epoch = format!("{:x}", rand::random::<u64>());
    library::call(redis, "begin_log", &[LOG], &[epoch.as_bytes()]).await
}

/// Reads up to `count` entries after `position`; without one, where the log ends.
pub async fn after(redis: &Redis, position: Option<&Position>, count: usize) -> RedisResult<After> {
    let (epoch, id) =
        position.map_or(Default::default(), |position| (position.epoch.clone(), position.id.to_string()));
    let count = count.to_string();
    let args = [epoch.as_str(), &id, &count].map(str::as_bytes);
    let mut answer: Vec<Value> = library::read(redis, "changes", &[LOG], &args).await?;
    let last = answer.pop().unwrap_or(Value::Nil);
    match answer.pop() {
        // {'lost', epoch, id}
        Some(epoch) if answer.len() == 1 => {
            let id: String = from_redis_value(last)?;
            let id = id.parse().unwrap_or_default();
            Ok(After::Lost(Position { epoch: from_redis_value(epoch)?, id }))
        }
        _ => Ok(After::Entries(entries(last)?)),
    }
}

/// Entries as XRANGE answers them.
fn entries(value: Value) -> Result<Vec<Entry>, ParsingError> {
    let rows: Vec<(String, HashMap<String, Bytes>)> = Vec::from_redis_value(value)?;
    Ok(rows.into_iter().map(|(id, fields)| entry(&id, &fields)).collect())
}

/// What a newer version may have written, of a kind that isn't known here, may be anything.
fn entry(id: &str, fields: &HashMap<String, Bytes>) -> Entry {
    let text = |name: &str| std::str::from_utf8(fields.get(name)?).ok();
    let follows = || Some(Change::Follows(text("reader")?.parse().ok()?));
    let position =
        Position { epoch: text("epoch").unwrap_or_default().to_owned(), id: id.parse().unwrap_or_default() };
    Entry {
        position,
        change: post(fields).or_else(follows).unwrap_or(Change::Everything),
        trace: text("trace").and_then(Traced::new),
    }
}

fn post(fields: &HashMap<String, Bytes>) -> Option<Change> {
    let text = |name: &str| std::str::from_utf8(fields.get(name)?).ok();
    let sight = |name: &str| Some(Sight::of(fields.get(name)?));
    Some(Change::Post {
        id: text("post")?.parse().ok()?,
        author: text("author")?.parse().ok()?,
        before: sight("before")?,
        after: sight("after")?,
        json: fields.get("json").cloned().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_from_its_cursor_and_nothing_else_does() {
        let position = Position { epoch: "17".to_owned(), id: EntryId(1_763_629_800_123, 4) };
        assert_eq!(Position::of_cursor(&position.cursor()).unwrap(), position);
        assert!(Position::of_cursor("1763629800123-4").is_err());
        assert!(Position::of_cursor(&cursor::encode("global", &("17", 1, 2))).is_err());
    }

    #[test]
    fn entry_ids_are_in_the_order_of_time() {
        let ids = ["9-1", "10-0", "10-11", "11-2"].map(|text| text.parse::<EntryId>().unwrap());
        assert!(ids.is_sorted());
        assert_eq!(ids.map(|id| id.to_string()), ["9-1", "10-0", "10-11", "11-2"]);
    }
}
