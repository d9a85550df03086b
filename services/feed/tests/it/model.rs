//! The read model driven without Kafka: changes go to the functions one after the other.

use std::sync::{LazyLock, Mutex};

use serde_json::{Value, json};
use tracklore_feed::{
    actors::Actor,
    apply::{Author, Outcome, ReadModel},
    event::{Change, PostChange, Shown},
    lists::Limits,
    page::{self, Key, List},
    positions::{Expected, Offsets, Stored},
    redis::Redis,
};
use tracklore_platform::{event::Record, id::UserId, time::Timestamp};
use uuid::Uuid;

/// Posts of the tests are made at this time and so many milliseconds later.
pub const START: i64 = 1_763_629_800_000;

/// Databases that the tests of this binary share out; `Stack` takes others.
static FREE: LazyLock<Mutex<Vec<u16>>> = LazyLock::new(|| Mutex::new((0..64).collect()));

/// A read model in a Redis database of its own.
pub struct Model {
    pub database: u16,
    pub redis: Redis,
    pub writer: ReadModel,
    pub offsets: Offsets,
    pub expected: Expected,
    offset: i64,
}

/// The URL of a database of the tests' Redis, with credentials such as `user:password@`.
pub fn redis_url(credentials: &str, database: u16) -> String {
    let url = std::env::var("TRACKLORE_TEST_REDIS_URL").unwrap();
    let address = url.trim_start_matches("redis://").split('/').next().unwrap().to_owned();
    format!("redis://{credentials}{address}/{database}")
}

impl Drop for Model {
    fn drop(&mut self) {
        FREE.lock().unwrap().push(self.database);
    }
}

impl Model {
    pub async fn new(keep_global: usize, keep_user: usize) -> Self {
        let database = FREE.lock().unwrap().pop().unwrap();
        let redis = Redis::new(&redis_url("", database)).unwrap();
        redis.send(&redis::cmd("FLUSHDB")).await.unwrap();
        let writer = ReadModel::new(redis.clone(), Limits { keep_global, keep_user });
        let offsets = Offsets::new(redis.clone(), "cluster-1".to_owned());
        let expected = Expected::default();
        expected.assigned("t", 0, Stored::Nothing);
        Self { database, redis, writer, offsets, expected, offset: 0 }
    }

    /// Applies a change as the consumer would; every author that is asked for is known as `someone`.
    pub async fn apply(&mut self, change: &Change) {
        let record = record(self.offset);
        self.offset += 1;
        let step = self.offsets.step(&record, self.expected.before(&record));
        let mut outcome = self.writer.apply(&step, change, Author::NotAsked).await.unwrap();
        if outcome == Outcome::AskForActor {
            outcome = self.writer.apply(&step, change, Author::Known(&someone())).await.unwrap();
        }
        assert_eq!(outcome, Outcome::Settled);
        self.expected.passed(&record);
    }

    /// The shown part of a list.
    pub async fn list(&self, key: &str, show: usize) -> Vec<Value> {
        let rows = page::read(&self.redis, &List { key, show }, 100, None, at(0)).await.unwrap();
        items(&rows.items)
    }

    /// The list read page by page.
    pub async fn pages(&self, key: &str, show: usize, limit: usize) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), None::<Key>);
        loop {
            let rows = page::read(&self.redis, &List { key, show }, limit, after, at(0)).await.unwrap();
            all.extend(items(&rows.items));
            after = rows.next;
            if after.is_none() {
                return all;
            }
        }
    }

    /// All keys that begin so.
    pub async fn keys(&self, pattern: &str) -> Vec<String> {
        let answer = self.redis.send(redis::cmd("KEYS").arg(pattern)).await.unwrap();
        redis::FromRedisValue::from_redis_value(answer).unwrap()
    }
}

pub fn record(offset: i64) -> Record {
    Record { topic: "t".into(), partition: 0, offset, key: vec![], value: None, headers: vec![] }
}

pub fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(START + milliseconds)
}

pub fn user(id: i64) -> UserId {
    id.try_into().unwrap()
}

pub fn post_id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn someone() -> Actor {
    serde_json::from_value(
        json!({"id": 1, "username": "someone", "display_name": "Some One", "avatar_url": null}),
    )
    .unwrap()
}

/// A public post made at `created` with its version in the text.
pub fn shown(number: u128, author: i64, sequence: i64, created: i64) -> Change {
    let body = json!({"id": post_id(number), "author_id": author, "text": format!("version {sequence}")})
        .to_string();
    let shown = Some(Shown { created_at: at(created), expires_at: None, body });
    Change::Post(PostChange { id: post_id(number), sequence, author: user(author), shown })
}

pub fn hidden(number: u128, author: i64, sequence: i64) -> Change {
    Change::Post(PostChange { id: post_id(number), sequence, author: user(author), shown: None })
}

pub fn named(id: i64, sequence: i64, name: &str) -> Change {
    Change::User { id: user(id), sequence, username: Some(format!("\"{name}\"")) }
}

pub fn gone(id: i64, sequence: i64) -> Change {
    Change::User { id: user(id), sequence, username: None }
}

pub fn displayed(id: i64, sequence: i64, name: &str) -> Change {
    Change::Profile {
        id: user(id),
        sequence,
        display_name: format!("\"{name}\""),
        avatar_url: "null".to_owned(),
    }
}

pub fn ids(items: &[Value]) -> Vec<Uuid> {
    items.iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
}

fn items(json: &[u8]) -> Vec<Value> {
    serde_json::from_slice(&[b"[", json, b"]"].concat()).unwrap()
}
