//! Who fails is slowed down, and nobody else.

use serde_json::json;
use tracklore_testkit::{Account, Answer, Stack};

use crate::{auth, log_in, sign_up};

const WRONG: &str = "not the right password";
const PASSWORD: &str = "a long enough secret";

/// Behind one proxy, which says where requests come from.
async fn behind_a_proxy(settings: &[(&str, &str)]) -> Stack {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_TRUSTED_HOPS", "1");
    for (key, value) in settings {
        stack.set(key, value);
    }
    stack.start("auth").await;
    stack
}

async fn log_in_from(stack: &Stack, address: &str, login: &str, password: &str) -> Answer {
    let request = stack.request(reqwest::Method::POST, "auth", "/v1/auth/login");
    let request = request.header("x-forwarded-for", format!("6.6.6.6, {address}"));
    Answer::of(request.json(&json!({"login": login, "password": password}))).await
}

/// As if all of the waiting were done.
async fn let_time_pass(stack: &Stack) {
    let past = sqlx::query("UPDATE throttles SET opens_at = opens_at - interval '20 minutes'");
    past.execute(&stack.database("auth")).await.unwrap();
}

/// Delays of names that failed five times don't end before the test does, however slow the machine is. Names are
/// remembered for a day, networks for an hour.
async fn hold_names(stack: &Stack) {
    let longer = "UPDATE throttles SET opens_at = now() + interval '10 minutes' \
                  WHERE failures >= 5 AND forget_at > now() + interval '2 hours'";
    sqlx::query(longer).execute(&stack.database("auth")).await.unwrap();
}

/// The same for networks that failed so often; that there are some.
async fn hold_networks(stack: &Stack, failures: i32) {
    let longer = "UPDATE throttles SET opens_at = now() + interval '10 minutes' \
                  WHERE failures >= $1 AND forget_at < now() + interval '2 hours'";
    let held = sqlx::query(longer).bind(failures).execute(&stack.database("auth")).await.unwrap();
    assert_ne!(held.rows_affected(), 0);
}

fn refused(answer: Answer) -> u64 {
    let answer = answer.expect(429);
    assert_eq!(answer.code(), "too-many-requests");
    answer.header("retry-after").parse().unwrap()
}

#[tokio::test]
async fn five_failures_are_free_and_then_a_name_waits_whether_it_exists_or_not() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let mut told = Vec::new();
    for login in ["ada", "nobody"] {
        for _ in 0..5 {
            log_in(&stack, login, WRONG).await.expect(401);
        }
        hold_names(&stack).await;
        // the right password is no way around
        let answer = log_in(&stack, login, &ada.password).await;
        let mut body = answer.json.clone();
        body.as_object_mut().unwrap().remove("request_id");
        told.push((body, refused(answer) > 0));
    }
    assert_eq!(told[0], told[1]);

    let_time_pass(&stack).await;
    log_in(&stack, "ada", WRONG).await.expect(401);
    hold_names(&stack).await;
    assert!(refused(log_in(&stack, "ada", WRONG).await) > 2);
    // in another case it is the same name
    refused(log_in(&stack, "ADA", WRONG).await);
    // and the address is another name, with failures of its own
    log_in(&stack, "ada@example.org", WRONG).await.expect(401);
}

#[tokio::test]
async fn success_forgets_the_failures_before() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    for _ in 0..3 {
        for _ in 0..4 {
            log_in(&stack, "ada", WRONG).await.expect(401);
        }
        log_in(&stack, "ada@example.org", &ada.password).await.expect(200);
    }
}

#[tokio::test]
async fn of_many_guesses_at_once_only_the_free_ones_are_tried() {
    let stack = auth().await;
    stack.sign_up("ada").await;
    let guesses = (0..20).map(|_| log_in(&stack, "ada", WRONG));
    let answers = futures::future::join_all(guesses).await;
    let tried = answers.iter().filter(|answer| answer.status == 401).count();
    let refused = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!((tried, refused), (5, 15));
}

#[tokio::test]
async fn strangers_never_lock_out_an_owner_from_where_they_log_in() {
    let stack = behind_a_proxy(&[]).await;
    let Account { password, .. } = stack.sign_up("ada").await;
    log_in_from(&stack, "203.0.113.7", "ada", &password).await.expect(200);
    for _ in 0..5 {
        log_in_from(&stack, "198.51.100.1", "ada", WRONG).await.expect(401);
    }
    hold_names(&stack).await;
    refused(log_in_from(&stack, "198.51.100.1", "ada", &password).await);
    refused(log_in_from(&stack, "198.51.100.2", "ada", &password).await);

    // by either name; mistakes made at home count there
    log_in_from(&stack, "203.0.113.7", "ada@example.org", &password).await.expect(200);
    for _ in 0..5 {
        log_in_from(&stack, "203.0.113.7", "ada", WRONG).await.expect(401);
    }
    hold_names(&stack).await;
    refused(log_in_from(&stack, "203.0.113.7", "ada", &password).await);
}

#[tokio::test]
async fn an_address_waits_for_itself_and_of_ipv6_a_whole_network_does() {
    let stack = behind_a_proxy(&[("TRACKLORE_LOGIN_FAILURES_PER_ADDRESS", "3")]).await;
    for (i, address) in ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:0:0:1"].into_iter().enumerate() {
        log_in_from(&stack, address, &format!("nobody-{i}"), WRONG).await.expect(401);
    }
    hold_networks(&stack, 3).await;
    refused(log_in_from(&stack, "2001:db8::9", "nobody", WRONG).await);
    log_in_from(&stack, "2001:db8:0:1::1", "nobody", WRONG).await.expect(401);
    // what a client writes itself moves nothing: only the proxy's entry counts
    log_in_from(&stack, "203.0.113.7", "nobody-4", WRONG).await.expect(401);
}

#[tokio::test]
async fn sign_ups_from_one_address_are_slowed_down_over_restarts() {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_SIGNUPS_PER_ADDRESS", "2");
    stack.start("auth").await;
    sign_up(&stack, "ada", "ada@example.org", PASSWORD).await.expect(201);
    sign_up(&stack, "ada", "other@example.org", PASSWORD).await.expect(409);
    stack.stop("auth").await;
    stack.start("auth").await;
    // what is against the rules costs nothing and counts for nothing
    sign_up(&stack, "1", "nobody", "short").await.expect(422);
    hold_networks(&stack, 2).await;
    refused(sign_up(&stack, "bob", "bob@example.org", PASSWORD).await);
    let_time_pass(&stack).await;
    sign_up(&stack, "bob", "bob@example.org", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn the_table_of_failures_tells_no_name_and_is_swept() {
    let mut stack = auth().await;
    log_in(&stack, "somebody@example.org", WRONG).await.expect(401);
    let database = stack.database("auth");
    let rows: Vec<String> =
        sqlx::query_scalar("SELECT throttles::text FROM throttles").fetch_all(&database).await.unwrap();
    assert!(rows.len() == 2 && rows.iter().all(|row| !row.contains("somebody")), "{rows:?}");

    let old = sqlx::query(
        "INSERT INTO throttles SELECT int8send(n), 1, now(), now() FROM generate_series(1, 1200) AS n",
    );
    old.execute(&database).await.unwrap();
    stack.stop("auth").await;
    stack.start("auth").await;
    tracklore_testkit::eventually("only what still counts is left", async || {
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM throttles").fetch_one(&database).await.unwrap();
        (left == 2).then_some(())
    })
    .await;
}
