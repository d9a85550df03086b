//! How fast pages are read: `make bench`. Prints each figure beside the same Redis call in a server that does nothing else,
//! measured in the same run.
#![expect(clippy::unwrap_used, reason = "a program for people, which fails loudly")]

mod observed;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use tokio::{net::TcpListener, task::JoinSet};
use tracklore_feed::{
    actors::Actor,
    apply::{Author, Outcome, ReadModel},
    event::{Audience, Change, PostChange, Shown},
    home,
    lists::{Limits, List},
    page::{self, FIRST, Page},
    positions::{Expected, Offsets, Stored},
    redis::Redis,
};
use tracklore_platform::{event::Record, health::Health, http, id::UserId, time::Timestamp};
use uuid::Uuid;

const AUTHORS: i64 = 5_000;
const CONNECTIONS: usize = 8;
const REQUESTS: usize = 2_000;
/// Readers, and how many each follows.
const READERS: [(i64, i64); 3] = [(1_000_001, 20), (1_000_002, 200), (1_000_003, 5_000)];

fn user(id: i64) -> UserId {
    id.try_into().unwrap()
}

/// Applies changes as the consumer does.
struct Writer {
    model: ReadModel,
    offsets: Offsets,
    expected: Expected,
    offset: i64,
}

impl Writer {
    async fn apply(&mut self, change: &Change) {
        let record = Record {
            topic: "bench".into(),
            partition: 0,
            offset: self.offset,
            key: vec![],
            value: None,
            headers: vec![],
        };
        self.offset += 1;
        let step = self.offsets.step(&record, self.expected.before(&record));
        let actor: Actor = serde_json::from_value(serde_json::json!({
            "id": 1, "username": "ada", "display_name": "Ada Lovelace", "avatar_url": null
        }))
        .unwrap();
        let outcome = self.model.apply(&step, change, Author::Known(&actor)).await.unwrap();
        assert_eq!(outcome, Outcome::Settled);
        self.expected.passed(&record);
    }
}

fn post(author: i64) -> Change {
    let (id, now) = (Uuid::now_v7(), Timestamp::now());
    let body = serde_json::json!({
        "id": id, "author_id": author, "text": "x".repeat(280), "attributes": {"mood": "good"},
        "visibility": "public", "expires_at": null, "version": 1, "created_at": now, "updated_at": now
    });
    let (audience, body) = (Audience::Public, body.to_string());
    let shown = Some(Shown { audience, created_at: now, expires_at: None, body });
    Change::Post(PostChange { id, sequence: 1, author: user(author), shown })
}

async fn world(redis: &Redis) {
    redis.send(&redis::cmd("FLUSHDB")).await.unwrap();
    let model = ReadModel::new(redis.clone(), FIRST.to_owned(), Limits::default());
    let offsets = Offsets::new(redis.clone(), "bench".to_owned(), FIRST.to_owned());
    let mut writer = Writer { model, offsets, expected: Expected::default(), offset: 0 };
    writer.expected.assigned("bench", 0, Stored::Nothing);
    for author in (1..=AUTHORS).chain([1; 150]) {
        writer.apply(&post(author)).await;
    }
    let lists = (1..=AUTHORS).flat_map(|id| [List::User(user(id)), List::Circle(user(id))]);
    for list in lists.chain([List::Global]) {
        let (_, floor) = writer.model.begin_fill(list).await.unwrap();
        writer.model.fill(list, &floor, &(-1, String::new()), &[]).await.unwrap();
    }
    for (reader, follows) in READERS {
        for followee in 1..=follows {
            let (follower, followee) = (user(reader), user(followee));
            writer.apply(&Change::Follow { follower, followee, sequence: 1, follows: true }).await;
        }
    }
}

/// Serves on a free port.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Does `work` by several at once, and prints how long it took.
async fn measure<F: Future<Output = ()> + Send + 'static>(
    name: &str,
    work: impl Fn() -> F + Send + Sync + 'static,
) {
    let work = Arc::new(work);
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let work = Arc::clone(&work);
        workers.spawn(async move {
            let mut times = Vec::with_capacity(REQUESTS / CONNECTIONS);
            for _ in 0..REQUESTS / CONNECTIONS {
                let started = Instant::now();
                work().await;
                times.push(started.elapsed());
            }
            times
        });
    }
    let mut times: Vec<Duration> = workers.join_all().await.concat();
    let rate = f64::from(u32::try_from(times.len()).unwrap()) / started.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).unwrap();
    println!("| {name} | {:.3?} | {:.3?} | {rate:.0} /s |", at(50), at(99));
}

fn bare(redis: &Redis, list: List) -> Router {
    let redis = redis.clone();
    let read = async move || {
        let shown = Limits::default().shown(list);
        page::read(&redis, list, shown, 20, None, Timestamp::now()).await.unwrap().items
    };
    Router::new().route("/", get(read))
}

/// The same with all that wraps a service's routes, and the page put together for clients.
fn wrapped(redis: &Redis, list: List) -> Router {
    let redis = redis.clone();
    let read = async move |headers: axum::http::HeaderMap| {
        let shown = Limits::default().shown(list);
        let rows = page::read(&redis, list, shown, 20, None, Timestamp::now()).await.unwrap();
        Page::new(&rows.items, None).answer(&headers, false)
    };
    http::wrap(Router::new().route("/", get(read)), &[], 0, Health::default().draining())
}

#[tokio::main]
async fn main() {
    let url = std::env::var("TRACKLORE_TEST_REDIS_URL").unwrap();
    let address = url.trim_start_matches("redis://").split('/').next().unwrap().to_owned();
    let redis = Redis::new(&format!("redis://{address}/4095")).unwrap();
    if let Ok(observed) = std::env::var(observed::SERVER) {
        return observed::serve(observed == "yes", &redis).await;
    }
    world(&redis).await;
    observed::compare().await;
    let client = tracklore_testkit::http();
    println!("| | median | 99 % within | |\n|---|---|---|---|");
    for (name, list) in [("global", List::Global), ("user", List::User(user(1)))] {
        for (kind, router) in [("bare", bare(&redis, list)), ("service", wrapped(&redis, list))] {
            let (client, address) = (client.clone(), serve(router).await);
            measure(&format!("GET {name}, 20 posts, {kind}"), move || {
                let request = client.get(&address);
                async move {
                    let answer = request.send().await.unwrap().error_for_status().unwrap();
                    answer.bytes().await.unwrap();
                }
            })
            .await;
        }
    }
    let etag = {
        let address = serve(wrapped(&redis, List::Global)).await;
        let answer = client.get(&address).send().await.unwrap();
        (address, answer.headers().get("etag").unwrap().clone())
    };
    measure("GET global, 304", move || {
        let request = client.get(&etag.0).header("if-none-match", etag.1.clone());
        async move { assert_eq!(request.send().await.unwrap().status(), 304) }
    })
    .await;
    for (reader, follows) in READERS {
        let started = Instant::now();
        home::read(&redis, user(reader), 20, None, Timestamp::now()).await.unwrap();
        println!("| home, {follows} followed, the first read ever | {:.3?} | | |", started.elapsed());
        let redis = redis.clone();
        measure(&format!("home, {follows} followed, 20 posts, call alone"), move || {
            let redis = redis.clone();
            async move { drop(home::read(&redis, user(reader), 20, None, Timestamp::now()).await.unwrap()) }
        })
        .await;
    }
    redis.send(&redis::cmd("FLUSHDB")).await.unwrap();
}
