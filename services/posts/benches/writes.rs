//! What writing costs: `cargo bench --workspace --bench writes`, with the variables of the integration tests set and the
//! services built in release. Creating posts stands beside the same statements without a service around them, on as many
//! connections to Postgres; the relay by itself.
#![expect(clippy::unwrap_used, reason = "a program for people, which fails loudly")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{task::JoinSet, time::sleep};
use tracklore_platform::time::Timestamp;
use tracklore_posts::{draft::Draft, store};
use tracklore_testkit::{Account, Stack, load};

/// How long each load lasts. Rounds alternate, so that a busy moment meets both kinds.
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: usize = 2;
/// Connections to the database, of the service as of the bare statements (the tests' setting).
const CONNECTIONS: usize = 5;
/// Clients of the service: while one reads its answer, another has its connection.
const CLIENTS: usize = 10;
/// Events that wait for the relay.
const EVENTS: i64 = 100_000;
const KAFKA: &str = "TRACKLORE_KAFKA_BOOTSTRAP_SERVERS";

#[tokio::main]
async fn main() {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_LOG", "error");
    stack.start("auth").await;
    let ada = stack.sign_up("ada").await;
    // nobody is there: the relay has nothing to do but to wait
    stack.set(KAFKA, "127.0.0.1:9");
    stack.start("posts").await;
    let (mut bare, mut service, mut slowest) = (0.0, 0.0, Duration::ZERO);
    for _ in 0..ROUNDS {
        bare += statements(&stack, &ada).await / ROUNDS as f64;
        let report = create(&stack, &ada).await;
        service += report.rate(201) / ROUNDS as f64;
        slowest = slowest.max(report.percentile(201, 99));
    }
    println!("Creating posts, {CONNECTIONS} connections to Postgres");
    println!("  the statements alone      {bare:8.0} /s");
    println!(
        "  POST /v1/posts            {service:8.0} /s = {:3.0} % of that, wanted ≥ 70 %; 99 % within {slowest:.1?}",
        100.0 * service / bare
    );
    stack.kill("posts").await;
    stack.set(KAFKA, &std::env::var("TRACKLORE_TEST_KAFKA").unwrap());
    relay(&mut stack).await;
    let report = create(&stack, &ada).await;
    println!("  POST with the relay on    {:8.0} /s", report.rate(201));
    let memory = load::resident(stack.process_id("posts").unwrap()) as f64 / 1024.0;
    println!("  memory of posts           {memory:8.1} MiB, wanted ≤ 30");
}

fn draft() -> serde_json::Value {
    json!({"text": "x".repeat(280), "attributes": {"mood": "good"}})
}

/// What a post takes in Postgres, as fast as it goes; how many a second.
async fn statements(stack: &Stack, ada: &Account) -> f64 {
    let connections = u32::try_from(CONNECTIONS).unwrap();
    let pool = PgPoolOptions::new().max_connections(connections).test_before_acquire(false);
    let pool = pool.connect(&stack.runtime_url("posts")).await.unwrap();
    let (began, author) = (Instant::now(), ada.id.try_into().unwrap());
    let mut workers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let pool = pool.clone();
        workers.spawn(async move {
            let mut count = 0;
            while began.elapsed() < ROUND {
                let draft: Draft = serde_json::from_value(draft()).unwrap();
                let mut tx = pool.begin().await.unwrap();
                let post = draft.into_post(author, Timestamp::now()).unwrap();
                store::insert(&mut tx, post).await.unwrap().unwrap();
                tx.commit().await.unwrap();
                count += 1;
            }
            count
        });
    }
    let written: u32 = workers.join_all().await.into_iter().sum();
    f64::from(written) / began.elapsed().as_secs_f64()
}

/// The same as clients do it.
async fn create(stack: &Stack, ada: &Account) -> load::Report {
    let (body, token) = (draft().to_string(), &ada.access_token);
    let headers = format!("authorization: Bearer {token}\r\n");
    let request = load::post("/v1/posts", &headers, &body);
    let report = load::run(&stack.public_url("posts"), CLIENTS, ROUND, move |_| request.clone()).await;
    assert_eq!(report.answers.len(), 1, "other answers than 201: {:?}", report.answers.keys());
    report
}

/// Lets so many events wait, and sees how fast the relay takes them to Kafka.
async fn relay(stack: &mut Stack) {
    let database = stack.database("posts");
    sqlx::query("UPDATE outbox SET published_at = now() WHERE published_at IS NULL")
        .execute(&database)
        .await
        .unwrap();
    let copied = sqlx::query(
        "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload, headers) \
         SELECT aggregate_type, gen_random_uuid()::text, type, payload, headers \
         FROM (SELECT * FROM outbox ORDER BY id LIMIT 1), generate_series(1, $1)",
    );
    copied.bind(EVENTS).execute(&database).await.unwrap();
    sqlx::query("ANALYZE outbox").execute(&database).await.unwrap();
    stack.launch("posts").await;
    while waiting(&database).await == EVENTS {
        sleep(Duration::from_millis(5)).await;
    }
    let (began, first) = (Instant::now(), waiting(&database).await);
    while waiting(&database).await > 0 {
        sleep(Duration::from_millis(50)).await;
    }
    let rate = first as f64 / began.elapsed().as_secs_f64();
    println!("  the relay                 {rate:8.0} events/s, wanted ≥ 10,000");
    stack.ready("posts").await;
}

async fn waiting(database: &PgPool) -> i64 {
    let query = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE published_at IS NULL");
    query.fetch_one(database).await.unwrap()
}
