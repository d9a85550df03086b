//! How the feed keeps up: `cargo bench --workspace --bench flow`, with the variables of the integration tests set and the
//! services built in release. A page over HTTP beside the same server answering a constant; catching up beside the
//! functions in Redis alone; thousands of live connections; a rebuild.
#![expect(clippy::unwrap_used, reason = "a program for people, which fails loudly")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod alone;
mod constant;
mod idle;
mod log;

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tracklore_feed::redis::Redis;
use tracklore_testkit::{
    Stack,
    load::{self, Rounds},
};

/// How long each load lasts. Rounds alternate, so that a busy moment meets all kinds.
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: usize = 2;
const CONNECTIONS: usize = 8;
/// Posts in the log, by so many authors.
const EVENTS: usize = 60_000;
const AUTHORS: i64 = 1_000;
/// Posts in Postgres when the feed is rebuilt.
const POSTS: i64 = 1_000_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match std::env::var(constant::SIZE) {
        Ok(size) => runtime.block_on(constant::serve(size.parse().unwrap())),
        Err(_) => runtime.block_on(measure()),
    }
}

async fn measure() {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_LOG", "error");
    for service in ["auth", "user", "posts"] {
        stack.start(service).await;
    }
    let redis = Redis::new(stack.redis_url()).unwrap();
    catch_up(&mut stack, &redis).await;
    pages(&stack).await;
    idle::measure(&stack).await;
    rebuild(&mut stack).await;
    redis.send(&redis::cmd("FLUSHDB")).await.unwrap();
}

/// From a Redis that knows authors and no posts to all that the log has.
async fn catch_up(stack: &mut Stack, redis: &Redis) {
    let topic = format!("{}posts-events", stack.topic_prefix());
    let partitions = 2;
    let alone = alone::events_per_second(redis, partitions, EVENTS, AUTHORS).await;
    redis.send(&redis::cmd("FLUSHDB")).await.unwrap();
    // user doesn't know these authors, so the feed has to before it meets their posts
    log::write_authors(stack.topic_prefix(), AUTHORS).await;
    stack.start("feed").await;
    for topic in ["user-events", "profile-events"] {
        let topic = format!("{}{topic}", stack.topic_prefix());
        while log::reached(redis, &topic).await < usize::try_from(AUTHORS).unwrap() {
            sleep(Duration::from_millis(20)).await;
        }
    }
    stack.stop("feed").await;
    log::write_posts(stack.topic_prefix(), EVENTS, AUTHORS).await;
    stack.launch("feed").await;
    let reached = async || -> usize { log::reached(redis, &topic).await };
    while reached().await == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let (began, first) = (Instant::now(), reached().await);
    while reached().await < EVENTS {
        sleep(Duration::from_millis(20)).await;
    }
    let rate = (EVENTS - first) as f64 / began.elapsed().as_secs_f64();
    stack.ready("feed").await;
    println!("Catching up, {EVENTS} posts of {AUTHORS} authors in {partitions} partitions");
    println!("  the functions alone       {alone:8.0} events/s");
    println!(
        "  the feed                  {rate:8.0} events/s = {:3.0} % of that, wanted ≥ 60 %, and ≥ 50,000",
        100.0 * rate / alone
    );
    println!("  memory of feed            {:8.1} MiB, wanted ≤ 30", memory(stack));
}

/// Twenty posts, beside a constant of the same size behind the same middleware: from the page that is at hand, and asked of
/// Redis each time.
async fn pages(stack: &Stack) {
    const PATHS: [&str; 2] = ["/v1/feed/global", "/v1/feed/users/7"];
    let page = stack.get("feed", PATHS[0]).await.expect(200);
    let constant = constant::start(page.json.to_string().len());
    let (feed, process) = (stack.public_url("feed"), stack.process_id("feed").unwrap());
    let servers = [
        (PATHS[0], constant.url(), constant.process_id()),
        (PATHS[0], &feed, process),
        (PATHS[1], &feed, process),
    ];
    let mut answers: [Rounds; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (answers, (path, url, process)) in answers.iter_mut().zip(&servers) {
            let request = load::get(path, "");
            answers.add(*process, load::run(url, CONNECTIONS, ROUND, move |_| request.clone())).await;
        }
    }
    println!("A page of 20, {CONNECTIONS} connections");
    let least = &answers[0];
    println!(
        "  a constant                {:8.0} /s, {:6.0} µs of processor each",
        least.rate(),
        least.each()
    );
    for (path, page) in PATHS.iter().zip(&answers[1..]) {
        println!("  {path:<25} {:8.0} /s, {:6.0} µs of processor each", page.rate(), page.each());
        println!(
            "    {:.1} × the processor, wanted ≤ 2.5; {:.0} % of the rate, wanted ≥ 50 %",
            page.each() / least.each(),
            100.0 * page.rate() / least.rate()
        );
        let request = load::get(path, "");
        let quiet = load::run(&feed, 1, ROUND, move |_| request.clone()).await;
        println!(
            "    on one connection       p50 {:.2?} (wanted ≤ 0.3 ms), p99 {:.2?} (≤ 2 ms)",
            quiet.percentile(200, 50),
            quiet.percentile(200, 99)
        );
    }
    println!("  memory of feed            {:8.1} MiB, wanted ≤ 30", memory(stack));
}

/// Everything anew, from the log and from so many posts.
async fn rebuild(stack: &mut Stack) {
    let written = sqlx::query(
        "INSERT INTO posts (id, author_id, text, attributes, visibility, version, created_at, updated_at) \
         SELECT gen_random_uuid(), 1 + n % 1000, repeat('x', 280), '{\"mood\":\"good\"}', 'public', 1, at, at \
         FROM (SELECT n, now() - n * interval '1 second' AS at FROM generate_series(1, $1) n)",
    );
    written.bind(POSTS).execute(&stack.database("posts")).await.unwrap();
    let began = Instant::now();
    let (well, output) = stack.run("feed", &["rebuild"]).await;
    assert!(well, "{output}");
    println!("Rebuild from {POSTS} posts and {EVENTS} events");
    println!("  took                      {:8.1} s, wanted ≤ 60", began.elapsed().as_secs_f64());
}

fn memory(stack: &Stack) -> f64 {
    mib(load::resident(stack.process_id("feed").unwrap()))
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
