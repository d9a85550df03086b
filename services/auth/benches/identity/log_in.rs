//! Log-ins beside nothing but their hashes, and what ten times as many as there can be do to them.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde_json::json;
use tracklore_testkit::{
    Account, Stack,
    load::{self, Report},
};

use crate::{ROUNDS, apart, apart::Apart, rate, table};

/// How long each load lasts: so long that the moments in which it begins and ends, without enough to do, don't count.
const ROUND: Duration = Duration::from_secs(10);
/// Times what the hashes alone could do, as long as nobody waits for an answer.
const OVERLOAD: f64 = 10.0;
/// Enough for all who wait, and for those who are refused meanwhile.
const CROWD: usize = 200;
/// Where the memory may not go under overload, beyond what it is at usual load.
const SLACK_MIB: u64 = 8;

/// Prints the lines.
pub async fn measure(stack: &Stack, people: &[Account]) {
    let auth = stack.process_id("auth").unwrap();
    let _apart = Apart::new(auth, &[std::process::id(), stack.process_id("user").unwrap()]);
    let threads = apart::half_of_processors();
    let requests: Vec<_> = people
        .iter()
        .map(|person| {
            let body = json!({"login": person.username, "password": person.password}).to_string();
            load::post("/v1/auth/login", "", &body)
        })
        .collect();
    let requests: &'static [Vec<u8>] = requests.leak();
    let request = move |number: usize| requests[number % requests.len()].clone();
    let url = stack.public_url("auth");
    let (mut bare, mut usual, mut crowded) = (0.0, Vec::new(), Vec::new());
    let (mut usual_peak, mut crowded_peak) = (0, 0);
    for _ in 0..ROUNDS {
        let hashes = hashes_per_second();
        bare += hashes / ROUNDS as f64;
        load::forget_peak(auth);
        usual.push(load::run(&url, threads * 4, ROUND, request).await);
        usual_peak = usual_peak.max(load::peak(auth));
        load::forget_peak(auth);
        crowded.push(load::run_at(&url, OVERLOAD * hashes, CROWD, ROUND, request).await);
        crowded_peak = crowded_peak.max(load::peak(auth));
    }
    let beside = format!("bare argon2id on as many processors ({threads}), {bare:.1} /s");
    table::share("log-in", rate(&usual, 200), bare, &beside, 90.0);
    let asked: f64 = crowded.iter().map(all).sum::<f64>() / crowded.len() as f64;
    let what = format!("log-in, {asked:.0} /s asked for");
    table::share(&what, rate(&crowded, 200), bare, &beside, 90.0);
    let refused = crowded.iter().map(|report| report.count(503)).sum::<usize>();
    let slowest = crowded.iter().map(|report| report.percentile(503, 99)).max().unwrap();
    let what = format!("…{refused} of them refused, 99 % of these within");
    table::time(&what, slowest, "", Duration::from_millis(50));
    let beside = format!("{} at usual load", table::mib(usual_peak));
    table::memory("…and most memory", crowded_peak, &beside, usual_peak / 1024 + SLACK_MIB);
}

fn all(report: &Report) -> f64 {
    report.answers.keys().map(|status| report.rate(*status)).sum()
}

/// What the service's processors can do if they do nothing else.
fn hashes_per_second() -> f64 {
    let params = Params::new(19 * 1024, 2, 1, Some(32)).unwrap();
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = || {
        apart::join_service();
        let mut memory = vec![Block::default(); argon.params().block_count()];
        let (mut count, mut tag) = (0, [0; 32]);
        let began = Instant::now();
        while began.elapsed() < ROUND {
            let (password, salt) = (b"a password", b"a salt of 16 byt");
            argon.hash_password_into_with_memory(password, salt, &mut tag, &mut memory).unwrap();
            count += 1;
        }
        f64::from(count) / began.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let hashers: Vec<_> = (0..apart::half_of_processors()).map(|_| scope.spawn(hash)).collect();
        hashers.into_iter().map(|hasher| hasher.join().unwrap()).sum()
    })
}
