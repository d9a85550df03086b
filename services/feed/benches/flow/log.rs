//! A log of users, profiles and posts, written at once.

use std::collections::HashMap;

use futures::future::try_join_all;
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use redis::FromRedisValue;
use serde_json::{Value, json};
use tracklore_feed::redis::Redis;
use tracklore_platform::time::Timestamp;
use uuid::Uuid;

/// Records that wait for Kafka together.
const CHUNK: usize = 5_000;

/// A public post of `author`, as it is published: its id and its payload.
pub fn post(author: i64) -> (Uuid, Value) {
    let (id, now) = (Uuid::now_v7(), Timestamp::now());
    let post = json!({
        "id": id, "author_id": author, "text": "x".repeat(280), "attributes": {"mood": "good"},
        "visibility": "public", "expires_at": null, "version": 1, "created_at": now, "updated_at": now
    });
    (id, post)
}

/// Topic, key, type and payload.
type Event = (&'static str, String, &'static str, Value);

/// Writes so many authors with their profiles.
pub async fn write_authors(prefix: &str, authors: i64) {
    let mut records = Vec::new();
    for id in 1..=authors {
        let user = json!({"id": id, "username": format!("name{id}"), "status": "active", "created_at": Timestamp::now()});
        let profile =
            json!({"id": id, "username": format!("name{id}"), "display_name": "Ada", "avatar_url": null});
        records.push(("user-events", id.to_string(), "user.created", user));
        records.push(("profile-events", id.to_string(), "profile.updated", profile));
    }
    write(prefix, &records).await;
}

/// Writes so many posts of theirs.
pub async fn write_posts(prefix: &str, posts: usize, authors: i64) {
    let event = |number: usize| {
        let (id, post) = post(1 + i64::try_from(number).unwrap() % authors);
        ("posts-events", id.to_string(), "post.created", post)
    };
    write(prefix, &(0..posts).map(event).collect::<Vec<_>>()).await;
}

async fn write(prefix: &str, records: &[Event]) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", std::env::var("TRACKLORE_TEST_KAFKA").unwrap()).set("linger.ms", "20");
    let producer: FutureProducer = config.create().unwrap();
    for chunk in records.chunks(CHUNK) {
        let sent = chunk.iter().map(|(topic, key, kind, payload)| {
            let (topic, kind, time) =
                (format!("{prefix}{topic}"), format!("tracklore.{kind}.v1"), Timestamp::now().to_string());
            let headers =
                [("ce_type", kind.as_str()), ("ce_subject", key), ("ce_sequence", "1"), ("ce_time", &time)];
            let headers = headers.iter().fold(OwnedHeaders::new(), |all, &(key, value)| {
                all.insert(Header { key, value: Some(value) })
            });
            let payload = payload.to_string();
            let record = FutureRecord::to(&topic).key(key).payload(&payload).headers(headers);
            producer.send_result(record).map_err(|(error, _)| error).unwrap()
        });
        let sent: Vec<_> = sent.collect();
        for delivered in try_join_all(sent).await.unwrap() {
            delivered.map_err(|(error, _)| error).unwrap();
        }
    }
}

/// How many records of the topic Redis has taken in.
pub async fn reached(redis: &Redis, topic: &str) -> usize {
    let answer = redis.send(redis::cmd("HGETALL").arg(format!("feed:offset:{topic}"))).await.unwrap();
    let fields: HashMap<String, String> = HashMap::from_redis_value(answer).unwrap();
    let partitions = fields.iter().filter(|(name, _)| name.parse::<i32>().is_ok());
    partitions.map(|(_, next)| next.parse::<usize>().unwrap()).sum()
}
