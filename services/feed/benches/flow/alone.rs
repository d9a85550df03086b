//! The functions in Redis without Kafka: each partition's events one after the other, as the consumer calls them.

use std::time::Instant;

use tokio::task::JoinSet;
use tracklore_feed::{
    actors::Actor,
    apply::{Author, Outcome, ReadModel},
    event::{Change, PostChange},
    lists::Limits,
    page::FIRST,
    positions::{Expected, Offsets, Stored},
    redis::Redis,
};
use tracklore_platform::event::Record;

use crate::log::post;

/// So many events, shared out to so many partitions; how many a second.
pub async fn events_per_second(redis: &Redis, partitions: i32, events: usize, authors: i64) -> f64 {
    redis.send(&redis::cmd("FLUSHDB")).await.unwrap();
    tracklore_feed::library::load(redis).await.unwrap();
    let each = events / usize::try_from(partitions).unwrap();
    let mut workers = JoinSet::new();
    let began = Instant::now();
    for partition in 0..partitions {
        let redis = redis.clone();
        workers.spawn(async move {
            let model = ReadModel::new(redis.clone(), FIRST.to_owned(), Limits::default());
            let offsets = Offsets::new(redis, "bench".to_owned(), FIRST.to_owned());
            let expected = Expected::default();
            expected.assigned("bench", partition, Stored::Nothing);
            let actor: Actor = serde_json::from_value(serde_json::json!({
                "id": 1, "username": "ada", "display_name": "Ada Lovelace", "avatar_url": null
            }))
            .unwrap();
            for (offset, number) in (0..).zip(0..each) {
                let record = Record {
                    topic: "bench".into(),
                    partition,
                    offset,
                    key: vec![],
                    value: None,
                    headers: vec![],
                };
                let author = 1 + i64::try_from(number).unwrap() % authors;
                let change = Change::Post(PostChange::of_resource(&post(author).1.to_string()).unwrap());
                let step = offsets.step(&record, expected.before(&record));
                let outcome = model.apply(&step, &change, Author::Known(&actor)).await.unwrap();
                assert_eq!(outcome, Outcome::Settled);
                expected.passed(&record);
            }
        });
    }
    workers.join_all().await;
    events as f64 / began.elapsed().as_secs_f64()
}
