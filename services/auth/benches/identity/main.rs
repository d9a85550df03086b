//! What identity costs: `cargo bench --workspace --bench identity`, with the variables of the integration tests set and the
//! services built in release. Each figure stands beside the least that it could cost, measured in the same run.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a program for people, which fails loudly")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod bare;

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use serde_json::json;
use tracklore_testkit::{
    Account, Stack,
    load::{self, Report},
};

/// How long each load lasts. Two rounds of each kind alternate, so that a busy moment meets all of them.
const ROUND: Duration = Duration::from_secs(4);
const ROUNDS: usize = 2;
/// Connections of a usual load, and those of an overload.
const CONNECTIONS: usize = 8;
const CROWD: usize = 80;
const PEOPLE: usize = 20;
const SIGN_UPS: usize = 50;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match std::env::var(bare::DATABASE) {
        Ok(database) => runtime.block_on(bare::serve(&database)),
        Err(_) => runtime.block_on(measure()),
    }
}

async fn measure() {
    let mut stack = Stack::new().await;
    let threads = std::thread::available_parallelism().unwrap().get();
    stack.set("TRACKLORE_PASSWORD_THREADS", &threads.to_string());
    stack.start("auth").await;
    stack.unset("TRACKLORE_PASSWORD_THREADS");
    stack.start("user").await;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(stack.sign_up(&format!("person-{number}")).await);
    }
    log_in(&stack, &people, threads).await;
    questions(&stack, &people).await;
    arrival(&stack).await;
}

/// Log-ins beside nothing but their hashes, and what a crowd does to them.
async fn log_in(stack: &Stack, people: &[Account], threads: usize) {
    let auth = stack.process_id("auth").unwrap();
    let idle = load::resident(auth);
    let bodies: Vec<_> = people
        .iter()
        .map(|person| json!({"login": person.username, "password": person.password}).to_string())
        .collect();
    let bodies: &'static [String] = bodies.leak();
    let logins = |connections| async move {
        let request = |number: usize| load::post("/v1/auth/login", &bodies[number % bodies.len()]);
        load::run(&stack.public_url("auth"), connections, ROUND, request).await
    };
    let (mut bare, mut usual, mut crowded) = (0.0, Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare += hashes_per_second(threads) / ROUNDS as f64;
        usual.push(logins(threads * 2).await);
        crowded.push(logins(CROWD).await);
    }
    println!("Log-in, {threads} threads for hashing (argon2id, 19 MiB, t = 2, p = 1)");
    println!("  bare argon2id             {bare:8.1} /s");
    row("log-in", "of bare argon2id, wanted ≥ 90 %", rate(&usual, 200), bare);
    row(
        &format!("log-in among {CROWD} callers"),
        "of bare argon2id, wanted ≥ 90 %",
        rate(&crowded, 200),
        bare,
    );
    let refused = crowded.iter().map(|report| report.count(503)).sum::<usize>();
    let slowest = crowded.iter().map(|report| report.percentile(503, 99)).max().unwrap();
    println!("  refused meanwhile         {refused:8} times, 99 % within {slowest:.1?} (wanted < 50 ms)");
    println!(
        "  memory of auth            {:8.1} MiB before, {:.1} MiB after",
        mib(idle),
        mib(load::resident(auth))
    );
}

/// What every request asks, beside a server that answers the same from nothing, or from the one SELECT.
async fn questions(stack: &Stack, people: &[Account]) {
    let bare = bare::Bare::start(stack);
    let token = format!("authorization: Bearer {}\r\n", people[0].access_token);
    let ask = |url: String, path: String, headers: String| async move {
        load::run(&url, CONNECTIONS, ROUND, move |_| load::get(&path, &headers)).await
    };
    let kinds = [
        ("nothing", bare.url(), "/nothing".to_owned(), bare.process_id()),
        (
            "/v1/auth/verify",
            stack.public_url("auth"),
            "/v1/auth/verify".into(),
            stack.process_id("auth").unwrap(),
        ),
        ("SELECT", bare.url(), format!("/select/{}", people[0].id), bare.process_id()),
        ("/v1/users/me", stack.public_url("user"), "/v1/users/me".into(), stack.process_id("user").unwrap()),
    ];
    let mut reports: [Vec<Report>; 4] = Default::default();
    let mut costs = [Duration::ZERO; 4];
    for _ in 0..ROUNDS {
        for (index, (_, url, path, process)) in kinds.iter().enumerate() {
            let before = load::cpu_time(*process);
            reports[index].push(ask(url.clone(), path.clone(), token.clone()).await);
            costs[index] += load::cpu_time(*process).saturating_sub(before);
        }
    }
    let rates = reports.each_ref().map(|reports| rate(reports, 200));
    let cost = |index: usize| {
        let answers: usize = reports[index].iter().map(|report| report.count(200)).sum();
        costs[index].as_secs_f64() * 1e6 / answers as f64
    };
    println!("Questions on {CONNECTIONS} connections, with a token seen before");
    for (index, (name, ..)) in kinds.iter().enumerate() {
        println!(
            "  {name:<25} {:8.0} /s, {:6.0} µs of processor each, 99 % within {:.1?}",
            rates[index],
            cost(index),
            reports[index][0].percentile(200, 99)
        );
    }
    row("/v1/auth/verify", "of a server that answers nothing, wanted ≥ 60 %", rates[1], rates[0]);
    row("/v1/users/me", "of a server with the one SELECT, wanted ≥ 80 %", rates[3], rates[2]);
    // each token once: a signature is checked for it
    let mut fresh = Vec::new();
    for person in people {
        let began = Instant::now();
        let answer = person.get(stack, "auth", "/v1/auth/verify").await;
        assert_eq!(answer.status, 200);
        fresh.push(began.elapsed());
    }
    fresh.sort_unstable();
    println!("  first sight of a token    {:8.1?} at the median", fresh[fresh.len() / 2]);
}

/// From the answer of a sign-up to the row that user keeps of the account.
async fn arrival(stack: &Stack) {
    let database = stack.database("user");
    let mut times = Vec::new();
    for number in 0..SIGN_UPS {
        let person = stack.sign_up(&format!("arrival-{number}")).await;
        let answered = Instant::now();
        loop {
            let row: Option<i64> =
                sqlx::query_scalar("SELECT id FROM auth_users WHERE id = $1 AND username IS NOT NULL")
                    .bind(person.id)
                    .fetch_optional(&database)
                    .await
                    .unwrap();
            if row.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(answered.elapsed());
    }
    times.sort_unstable();
    println!("UserCreated to the row in auth_users, {SIGN_UPS} times");
    println!(
        "  median {:.1?} (wanted ≤ 50 ms), worst {:.1?}",
        times[times.len() / 2],
        times[times.len() - 1]
    );
}

fn hashes_per_second(threads: usize) -> f64 {
    let params = Params::new(19 * 1024, 2, 1, Some(32)).unwrap();
    let began = Instant::now();
    let hashers: Vec<_> = (0..threads)
        .map(|_| {
            let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
            std::thread::spawn(move || {
                let mut memory = vec![argon2::Block::default(); argon.params().block_count()];
                let (mut count, mut tag) = (0, [0; 32]);
                while began.elapsed() < ROUND {
                    argon
                        .hash_password_into_with_memory(
                            b"a password",
                            b"a salt of 16 byt",
                            &mut tag,
                            &mut memory,
                        )
                        .unwrap();
                    count += 1;
                }
                count
            })
        })
        .collect();
    let hashes: u32 = hashers.into_iter().map(|hasher| hasher.join().unwrap()).sum();
    f64::from(hashes) / began.elapsed().as_secs_f64()
}

fn rate(reports: &[Report], status: u16) -> f64 {
    reports.iter().map(|report| report.rate(status)).sum::<f64>() / reports.len() as f64
}

fn row(name: &str, of: &str, rate: f64, limit: f64) {
    println!("  {name:<25} {rate:8.1} /s = {:3.0} % {of}", 100.0 * rate / limit);
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
