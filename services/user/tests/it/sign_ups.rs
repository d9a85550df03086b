//! A thousand people sign up while auth and user are killed again and again: whoever was told that they have an account
//! can log in, and is known here exactly once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, stream};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tracklore_testkit::{Answer, Stack, eventually, eventually_within};

use crate::stack;

const SIGN_UPS: usize = 1000;
/// How many at a time.
const AT_ONCE: usize = 8;
/// After so many answers one of the two services is killed.
const BETWEEN_KILLS: usize = 100;
const PATIENCE: Duration = Duration::from_mins(3);

fn name(number: usize) -> String {
    format!("person-{number}")
}

fn request(stack: &Stack, path: &str, body: &Value) -> RequestBuilder {
    stack.request(Method::POST, "auth", path).json(body)
}

fn sign_up(stack: &Stack, number: usize) -> RequestBuilder {
    let name = name(number);
    let body = json!({
        "username": name, "email": format!("{name}@example.org"), "password": format!("the long secret of {name}")
    });
    request(stack, "/v1/auth/signup", &body)
}

fn log_in(stack: &Stack, number: usize) -> RequestBuilder {
    let name = name(number);
    request(
        stack,
        "/v1/auth/login",
        &json!({"login": name, "password": format!("the long secret of {name}")}),
    )
}

/// The id in the answer to a sign-up, if it says that there is an account. Who finds nobody there comes again; who is cut
/// off doesn't.
async fn told(request: RequestBuilder) -> Option<i64> {
    let attempt = move || {
        let request = request.try_clone();
        async move {
            match Answer::attempt(request?).await {
                Err(error) if error.is_connect() => None,
                answer => Some(answer.ok()),
            }
        }
    };
    let answer = eventually("somebody is there", attempt).await?;
    if answer.status == 201 { answer.json.pointer("/user/id")?.as_i64() } else { None }
}

#[tokio::test]
async fn of_a_thousand_sign_ups_under_kills_every_acknowledged_one_is_an_account_known_once() {
    let mut stack = stack().await;
    let answered = Arc::new(AtomicUsize::new(0));
    let requests = (0..SIGN_UPS).map(|number| (number, sign_up(&stack, number))).collect::<Vec<_>>();
    let counter = Arc::clone(&answered);
    let crowd = stream::iter(requests).map(move |(number, request)| {
        let counter = Arc::clone(&counter);
        async move {
            let id = told(request).await;
            counter.fetch_add(1, Ordering::Relaxed);
            Some((number, id?))
        }
    });
    let crowd = crowd.buffer_unordered(AT_ONCE).filter_map(std::future::ready);
    let crowd = tokio::spawn(crowd.collect::<BTreeMap<_, _>>());

    for kill in 1..SIGN_UPS / BETWEEN_KILLS {
        eventually_within(PATIENCE, "the crowd goes on", async || {
            (answered.load(Ordering::Relaxed) >= kill * BETWEEN_KILLS).then_some(())
        })
        .await;
        let service = if kill % 2 == 0 { "user" } else { "auth" };
        stack.kill(service).await;
        stack.start(service).await;
    }
    let accounts = crowd.await.unwrap();
    println!("{} of {SIGN_UPS} were told that they have an account", accounts.len());
    assert!(accounts.len() > SIGN_UPS * 9 / 10, "too many were cut off: {} weren't", accounts.len());

    let log_ins: Vec<_> = accounts.keys().map(|number| (*number, log_in(&stack, *number))).collect();
    let refused = stream::iter(log_ins)
        .map(async |(number, request)| (number, Answer::of(request).await.status))
        .buffer_unordered(AT_ONCE)
        .filter(|(_, status)| std::future::ready(*status != 200));
    assert_eq!(refused.collect::<Vec<_>>().await, [], "acknowledged, and can't log in");

    // also whom nobody told: what auth has is what user has, each once
    let everybody = async |service: &str, table: &str| -> BTreeMap<i64, String> {
        let rows = sqlx::AssertSqlSafe(format!("SELECT id, username FROM {table}"));
        let rows: Vec<(i64, String)> =
            sqlx::query_as(rows).fetch_all(&stack.database(service)).await.unwrap();
        rows.into_iter().collect()
    };
    let there = everybody("auth", "users").await;
    eventually_within(PATIENCE, "user knows whom auth knows", async || {
        (everybody("user", "auth_users").await == there).then_some(())
    })
    .await;
    let lost: Vec<_> =
        accounts.iter().filter(|(number, id)| there.get(id) != Some(&name(**number))).collect();
    assert_eq!(lost, [], "acknowledged, and not there under that id");
}
