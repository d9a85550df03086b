//! How soon an acknowledged post is seen, hop by hop: `cargo bench --workspace --bench visible`, with the services built in
//! the same profile and `TRACKLORE_TEST_…` set as for the tests. Once with a post now and then, once with 200 a second.
#![expect(clippy::unwrap_used, reason = "a program for people, which fails loudly")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rdkafka::{
    ClientConfig, Message,
    consumer::{BaseConsumer, Consumer},
};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};
use tracklore_testkit::{Account, Stack};

/// Milliseconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0
}

/// When something happened to a post.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    sent: f64,
    acknowledged: f64,
    /// The relay gave it to its producer (whole milliseconds).
    produced: f64,
    /// A consumer had it.
    consumed: f64,
    /// A stream told it.
    told: f64,
}

type Posts = Arc<Mutex<HashMap<String, Times>>>;

fn note(posts: &Posts, id: &str, note: impl FnOnce(&mut Times)) {
    note(posts.lock().unwrap().entry(id.to_owned()).or_default());
}

/// Reads `posts-events` as the feed does, in the group `group`.
fn consume(posts: Posts, topic: &str, group: &str) {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", std::env::var("TRACKLORE_TEST_KAFKA").unwrap())
        .set("group.id", format!("{topic}.{group}"))
        .set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&[topic]).unwrap();
    std::thread::spawn(move || {
        for message in consumer.iter().flatten() {
            let (at, id) = (now(), std::str::from_utf8(message.key().unwrap()).unwrap());
            #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970")]
            let produced = message.timestamp().to_millis().unwrap() as f64;
            note(&posts, id, |times| (times.produced, times.consumed) = (produced, at));
        }
    });
}

/// Holds a stream.
async fn listen(posts: Posts, url: String) {
    let mut answer =
        tracklore_testkit::http().get(format!("{url}/v1/feed/stream?scope=global")).send().await.unwrap();
    let mut rest = String::new();
    while let Some(piece) = answer.chunk().await.unwrap() {
        let at = now();
        rest.push_str(std::str::from_utf8(&piece).unwrap());
        while let Some(end) = rest.find("\n\n") {
            let block: String = rest.drain(..end + 2).collect();
            if let Some(data) = block.lines().find_map(|line| line.strip_prefix("data: ")) {
                let data: serde_json::Value = serde_json::from_str(data).unwrap();
                note(&posts, data.get("id").unwrap().as_str().unwrap(), |times| times.told = at);
            }
        }
    }
}

/// Writes `count` posts, `pause` apart.
async fn write(stack: &Stack, ada: &Account, posts: Posts, count: usize, pause: Duration) {
    let mut writes = JoinSet::new();
    for number in 0..count {
        let request = ada.request(stack, reqwest::Method::POST, "posts", "/v1/posts");
        let (request, posts) = (request.json(&json!({"text": format!("{number}")})), posts.clone());
        writes.spawn(async move {
            let sent = now();
            let answer = request.send().await.unwrap().error_for_status().unwrap();
            let body: serde_json::Value = answer.json().await.unwrap();
            let (at, id) = (now(), body.get("id").unwrap().as_str().unwrap());
            note(&posts, id, |times| (times.sent, times.acknowledged) = (sent, at));
        });
        sleep(pause).await;
    }
    writes.join_all().await;
    sleep(Duration::from_secs(2)).await;
}

fn print(name: &str, posts: &Posts) {
    let posts = posts.lock().unwrap();
    let all: Vec<Times> = posts.values().copied().filter(|times| times.sent > 0.0).collect();
    println!("{name}: {} posts, {} told", all.len(), all.iter().filter(|times| times.told > 0.0).count());
    let line = |hop: &str, time: fn(&Times) -> f64| {
        let mut times: Vec<f64> = all.iter().map(time).collect();
        times.sort_unstable_by(f64::total_cmp);
        let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len() - 1)).unwrap();
        println!("  {hop:<34} p50 {:>7.1} ms  p95 {:>7.1} ms  p99 {:>7.1} ms", at(50), at(95), at(99));
    };
    line("sent to acknowledged", |t| t.acknowledged - t.sent);
    line("acknowledged to given to Kafka", |t| t.produced - t.acknowledged);
    line("given to Kafka to consumed", |t| t.consumed - t.produced);
    line("consumed to told by a stream", |t| t.told - t.consumed);
    line("acknowledged to told by a stream", |t| t.told - t.acknowledged);
}

#[tokio::main]
async fn main() {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_LOG", "warn");
    for service in ["auth", "user", "posts", "feed"] {
        stack.start(service).await;
    }
    let ada = stack.sign_up("ada").await;
    for (name, count, pause) in
        [("warming up", 50, 20), ("a post now and then", 60, 150), ("200 posts a second", 2000, 5)]
    {
        let posts = Posts::default();
        consume(posts.clone(), &format!("{}posts-events", stack.topic_prefix()), name);
        let listening = tokio::spawn(listen(posts.clone(), stack.public_url("feed")));
        sleep(Duration::from_secs(4)).await;
        posts.lock().unwrap().clear();
        write(&stack, &ada, posts.clone(), count, Duration::from_millis(pause)).await;
        print(name, &posts);
        listening.abort();
    }
}
