//! The functions in Redis without Kafka: each partition's events, as many at once as the consumer takes.

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

/// Events of a call, as many as the consumer takes.
const AT_ONCE: usize = 64;

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
            for first in (0..each).step_by(AT_ONCE) {
                let batch: Vec<_> = (first..each.min(first + AT_ONCE))
                    .map(|number| {
                        let offset = i64::try_from(number).unwrap();
                        let (topic, key) = ("bench".into(), vec![]);
                        let record = Record { topic, partition, offset, key, value: None, headers: vec![] };
                        let author = 1 + offset % authors;
                        let change = PostChange::of_resource(&post(author).1.to_string()).unwrap();
                        let step = offsets.step(&record, expected.before(&record));
                        expected.passed(&record);
                        (step, Change::Post(change))
                    })
                    .collect();
                let batch: Vec<_> = batch.iter().map(|(step, change)| (step, change)).collect();
                let applied = model.apply_all(&batch, Author::Known(&actor)).await.unwrap();
                assert_eq!(applied, (batch.len(), Outcome::Settled));
            }
        });
    }
    workers.join_all().await;
    events as f64 / began.elapsed().as_secs_f64()
}
