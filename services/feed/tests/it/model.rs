//! The read model driven without Kafka: changes go to the functions one after the other.

use std::sync::{LazyLock, Mutex};

use serde_json::{Value, json};
use tracklore_feed::{
    actors::Actor,
    apply::{Author, Outcome, ReadModel},
    event::{Audience, Change, PostChange, Shown},
    fill::BOTTOM,
    home::{self, HomeKey},
    lists::{Limits, List},
    page::{self, FIRST, Key},
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
    /// Of a world without posts, as every list knows.
    pub async fn new(keep_global: usize, keep_user: usize) -> Self {
        let limits = Limits { show_global: keep_global, show_user: keep_user, keep_global, keep_user };
        let model = Self::unknown(limits).await;
        for list in Self::lists() {
            model.fill(list, &[], BOTTOM).await;
        }
        model
    }

    /// All lists of the tests' users.
    pub fn lists() -> Vec<List> {
        let of = |id| [List::User(user(id)), List::Circle(user(id))];
        [1, 2, 7, 8, 11, 12].into_iter().flat_map(of).chain([List::Global]).collect()
    }

    /// Nothing is known yet.
    pub async fn unknown(limits: Limits) -> Self {
        let database = FREE.lock().unwrap().pop().unwrap();
        let redis = Redis::new(&redis_url("", database)).unwrap();
        redis.send(&redis::cmd("FLUSHDB")).await.unwrap();
        let writer = ReadModel::new(redis.clone(), FIRST.to_owned(), limits);
        let offsets = Offsets::new(redis.clone(), "cluster-1".to_owned(), FIRST.to_owned());
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

    /// The same of changes that wait together.
    pub async fn apply_all(&mut self, changes: &[&Change]) {
        let mut left = changes;
        while let Some(next) = left.first() {
            let mut expected = self.expected.before(&record(self.offset));
            let step = |offset: i64| {
                let before = std::mem::replace(&mut expected, (offset + 1).to_string());
                self.offsets.step(&record(offset), before)
            };
            let steps: Vec<_> = (self.offset..).take(left.len()).map(step).collect();
            let batch: Vec<_> = steps.iter().zip(left.iter().copied()).collect();
            let (taken, outcome) = self.writer.apply_all(&batch, Author::NotAsked).await.unwrap();
            if taken == 0 {
                assert_eq!(outcome, Outcome::AskForActor);
                self.apply(next).await;
                left = &left[1..];
                continue;
            }
            self.offset += i64::try_from(taken).unwrap();
            self.expected.passed(&record(self.offset - 1));
            left = &left[taken..];
        }
    }

    /// Puts a snapshot of posts into a list that is then complete down to the last of them, or to `bottom`.
    pub async fn fill(&self, list: List, posts: &[Change], bottom: i64) {
        let (_, floor) = self.writer.begin_fill(list).await.unwrap();
        assert_eq!(self.put(list, &floor, posts, bottom).await, "filled");
    }

    /// The same for a floor that was read before; what became of it.
    pub async fn put(&self, list: List, floor: &str, posts: &[Change], bottom: i64) -> String {
        let posts: Vec<PostChange> = posts.iter().map(post_of).collect();
        let floor_id = posts.last().filter(|_| bottom != BOTTOM).map(|post| post.id.to_string());
        let bottom = (bottom, floor_id.unwrap_or_default());
        loop {
            let answer = self.writer.fill(list, floor, &bottom, &posts).await.unwrap();
            if answer[0] != "ask" {
                return answer[0].clone();
            }
            for id in &answer[1..] {
                let id = id.parse().unwrap();
                self.writer.learn(&[id], &[Actor { id, ..someone() }]).await.unwrap();
            }
        }
    }

    /// The shown part of a list.
    pub async fn list(&self, list: List, shown: usize) -> Vec<Value> {
        let rows = page::read(&self.redis, list, shown, 100, None, at(0)).await.unwrap();
        items(&rows.items)
    }

    /// The list read page by page.
    pub async fn pages(&self, list: List, shown: usize, limit: usize) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), None::<Key>);
        loop {
            let rows = page::read(&self.redis, list, shown, limit, after, at(0)).await.unwrap();
            all.extend(items(&rows.items));
            after = rows.next;
            if after.is_none() {
                return all;
            }
        }
    }

    /// A home feed read page by page.
    pub async fn home(&self, reader: i64, limit: usize) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), None::<HomeKey>);
        loop {
            let rows = home::read(&self.redis, user(reader), limit, after, at(0)).await.unwrap();
            all.extend(items(&rows.items));
            after = rows.next;
            if after.is_none() {
                return all;
            }
        }
    }

    /// The keys of posts whose bodies are kept, sorted.
    pub async fn bodies(&self) -> Vec<String> {
        let mut kept = Vec::new();
        for key in self.keys("feed:post:*").await {
            let answer = self.redis.send(redis::cmd("HEXISTS").arg(&key).arg("body")).await.unwrap();
            if answer == redis::Value::Int(1) {
                kept.push(key);
            }
        }
        kept.sort();
        kept
    }

    /// In how many milliseconds a key goes by itself.
    pub async fn time_left(&self, key: &str) -> i64 {
        let answer = self.redis.send(redis::cmd("PTTL").arg(key)).await.unwrap();
        redis::FromRedisValue::from_redis_value(answer).unwrap()
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
    seen_by(Audience::Public, number, author, sequence, created)
}

/// A post for followers.
pub fn whispered(number: u128, author: i64, sequence: i64, created: i64) -> Change {
    seen_by(Audience::Followers, number, author, sequence, created)
}

fn seen_by(audience: Audience, number: u128, author: i64, sequence: i64, created: i64) -> Change {
    let body = json!({"id": post_id(number), "author_id": author, "text": format!("version {sequence}")})
        .to_string();
    let shown = Some(Shown { audience, created_at: at(created), expires_at: None, body });
    Change::Post(PostChange { id: post_id(number), sequence, author: user(author), shown })
}

/// The post in a change.
pub fn post_of(change: &Change) -> PostChange {
    let Change::Post(post) = change else { unreachable!("a post") };
    post.clone()
}

pub fn following(follower: i64, followee: i64, sequence: i64, follows: bool) -> Change {
    Change::Follow { follower: user(follower), followee: user(followee), sequence, follows }
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
