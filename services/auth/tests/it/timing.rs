//! A log-in takes the same time whatever is wrong with it: nobody learns from it which accounts exist.
//!
//! Samples of all kinds are taken in turn, so that noise hits all alike, and compared two by two: by the
//! Kolmogorov–Smirnov test on the time that the client sees, and on the processor time that the service took; and by
//! the medians of the processor time, which may differ by no more than 2 %, or than chance makes them (a permutation test:
//! on a busy machine, that is more). One round may be red by chance, three in a row of the same two kinds may not.

use std::{fs, time::Instant};

use rand::seq::SliceRandom;
use sqlx::{AssertSqlSafe, PgPool};
use tracklore_testkit::{Account, Stack};

use crate::{auth, log_in};

const ROUNDS: usize = 3;
const SAMPLES: usize = 200;
const LEAST_P: f64 = 0.01;
const MOST_DIFFERENCE: f64 = 0.02;
/// How often samples are shuffled to see what chance makes of their medians.
const SHUFFLES: u32 = 1000;
const WRONG: &str = "not the right password";

/// What the client saw and what the service took, in seconds.
#[derive(Default)]
struct Samples {
    seen: Vec<f64>,
    taken: Vec<f64>,
}

impl Samples {
    async fn take(&mut self, stack: &Stack, login: &str, password: &str, status: u16) {
        let (busy, started) = (processor_seconds(stack), Instant::now());
        log_in(stack, login, password).await.expect(status);
        self.seen.push(started.elapsed().as_secs_f64());
        self.taken.push(processor_seconds(stack) - busy);
    }
}

/// The time that all threads of the service have run.
fn processor_seconds(stack: &Stack) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", stack.process_id("auth").unwrap())).unwrap();
    let nanoseconds = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// The probability that two samples of one distribution differ as much as these (two-sided, asymptotic).
fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    let share = |sample: &[f64], limit: f64| {
        f64::from(u32::try_from(sample.iter().filter(|value| **value <= limit).count()).unwrap())
            / f64::from(u32::try_from(sample.len()).unwrap())
    };
    let distance =
        a.iter().chain(b).map(|value| (share(a, *value) - share(b, *value)).abs()).fold(0.0, f64::max);
    let (n, m) = (f64::from(u32::try_from(a.len()).unwrap()), f64::from(u32::try_from(b.len()).unwrap()));
    let root = (n * m / (n + m)).sqrt();
    let lambda = (root + 0.12 + 0.11 / root) * distance;
    if lambda < 0.2 {
        // the series doesn't converge there
        return 1.0;
    }
    let term = |k: i32| {
        let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
        sign * (-2.0 * f64::from(k * k) * lambda * lambda).exp()
    };
    (1..=100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    *sorted.get(sorted.len() / 2).unwrap()
}

/// The probability that the medians of two samples of one distribution differ as much as these.
fn permutation(a: &[f64], b: &[f64]) -> f64 {
    let difference = |a: &[f64], b: &[f64]| (median(a) - median(b)).abs();
    let observed = difference(a, b);
    let mut all = [a, b].concat();
    let as_great = (0..SHUFFLES).filter(|_| {
        all.shuffle(&mut rand::rng());
        let (a, b) = all.split_at(a.len());
        difference(a, b) >= observed
    });
    f64::from(u32::try_from(as_great.count()).unwrap()) / f64::from(SHUFFLES)
}

/// What tells the two apart, in words, if anything does.
fn tell_apart(names: &str, a: &Samples, b: &Samples) -> Option<String> {
    let (seen, taken) = (kolmogorov_smirnov(&a.seen, &b.seen), kolmogorov_smirnov(&a.taken, &b.taken));
    let (first, second) = (median(&a.taken), median(&b.taken));
    let difference = (first - second).abs() / first.max(second);
    let by_chance = permutation(&a.taken, &b.taken);
    let verdict = format!(
        "{names}: p = {seen:.3} (seen), {taken:.3} (taken), medians {:.2} and {:.2} ms differ by {:.1} %, p = {by_chance:.3}",
        first * 1e3,
        second * 1e3,
        difference * 1e2
    );
    println!("{verdict}");
    let medians_differ = difference > MOST_DIFFERENCE && by_chance < LEAST_P;
    (seen < LEAST_P || taken < LEAST_P || medians_differ).then_some(verdict)
}

/// Auth with an account to log in to, a suspended one, and one whose address nobody has confirmed; its database.
async fn three_accounts() -> (Stack, PgPool, [Account; 3]) {
    let mut stack = auth().await;
    let accounts =
        [stack.sign_up("ada").await, stack.sign_up("sleeper").await, stack.sign_up("nameless").await];
    let database = stack.database("auth");
    for (change, account) in
        ["email_verified = true", "email_verified = true, status = 'suspended'"].into_iter().zip(&accounts)
    {
        let change = AssertSqlSafe(format!("UPDATE users SET {change} WHERE id = $1"));
        sqlx::query(change).bind(account.id).execute(&database).await.unwrap();
    }
    stack.stop("auth").await;
    stack.set("TRACKLORE_EMAIL_VERIFICATION", "required");
    stack.start("auth").await;
    (stack, database, accounts)
}

#[tokio::test]
async fn unknown_wrong_suspended_and_unconfirmed_take_the_same_time() {
    let (stack, database, [ada, sleeper, nameless]) = three_accounts().await;
    log_in(&stack, "ada", &ada.password).await.expect(200);

    let mut suspects =
        vec![("unknown and wrong", 1), ("unknown and suspended", 2), ("unknown and unconfirmed", 3)];
    let mut told = Vec::new();
    for round in 0..ROUNDS {
        let mut samples = [(); 4].map(|()| Samples::default());
        for sample in 0..SAMPLES {
            sqlx::query("DELETE FROM throttles").execute(&database).await.unwrap();
            let nobody = format!("nobody-{round}-{sample}");
            let attempts = [
                (nobody.as_str(), WRONG),
                ("ada", WRONG),
                ("sleeper", sleeper.password.as_str()),
                ("nameless", nameless.password.as_str()),
            ];
            let mut order = [0, 1, 2, 3];
            order.shuffle(&mut rand::rng());
            for kind in order {
                samples[kind].take(&stack, attempts[kind].0, attempts[kind].1, 401).await;
            }
        }
        suspects.retain(|(names, kind)| {
            let red = tell_apart(names, &samples[0], &samples[*kind]);
            told.extend(red.clone());
            red.is_some()
        });
        if suspects.is_empty() {
            return;
        }
    }
    panic!("the kinds of failure can be told apart by time:\n{}", told.join("\n"));
}

#[tokio::test]
async fn a_log_in_that_hashes_nothing_would_be_noticed() {
    let stack = auth().await;
    stack.sign_up("ada").await;
    let (mut hashed, mut refused) = (Samples::default(), Samples::default());
    for _ in 0..5 {
        hashed.take(&stack, "ada", WRONG, 401).await;
    }
    // names are remembered for a day, networks for an hour
    let closed = sqlx::query(
        "UPDATE throttles SET opens_at = now() + interval '1 hour' WHERE forget_at > now() + interval '2 hours'",
    );
    closed.execute(&stack.database("auth")).await.unwrap();
    for sample in 0..20 {
        hashed.take(&stack, &format!("nobody-{sample}"), WRONG, 401).await;
        refused.take(&stack, "ada", WRONG, 429).await;
    }
    tell_apart("hashed and refused", &hashed, &refused).unwrap();
}

#[test]
fn the_statistic_knows_equal_and_shifted_samples() {
    let samples = |count: usize, shift: f64| {
        // the sum of twelve is nearly normal
        (0..count).map(|_| shift + (0..12).map(|_| rand::random::<f64>()).sum::<f64>()).collect::<Vec<_>>()
    };
    let normal = |shift| samples(300, shift);
    let equal = (0..5).map(|_| kolmogorov_smirnov(&normal(0.0), &normal(0.0))).fold(0.0, f64::max);
    assert!(equal > 0.05, "{equal}");
    assert!(kolmogorov_smirnov(&normal(0.0), &normal(0.5)) < LEAST_P);
    let equal = (0..5).map(|_| permutation(&normal(0.0), &normal(0.0))).fold(0.0, f64::max);
    assert!(equal > 0.05, "{equal}");
    // medians vary more: of three hundred, chance alone hides this shift once in a hundred times
    assert!(permutation(&samples(1000, 0.0), &samples(1000, 0.5)) < LEAST_P);
}
