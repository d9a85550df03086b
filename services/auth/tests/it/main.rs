//! The auth service as a process, against real Postgres and Kafka.
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

mod accounts;
mod administration;
mod audit;
mod browsers;
mod deletion;
mod email_change;
mod events;
mod histories;
mod housekeeping;
mod import;
mod internal;
mod internal_tls;
mod mail;
mod own_account;
mod password_changes;
mod passwords;
mod refresh;
mod republish;
mod revocation;
mod rotation;
mod rules;
mod session_list;
mod sessions;
mod smtp;
mod start;
mod throttle;
mod timing;
mod tokens;
mod verified_sign_up;
mod verify;

use serde_json::{Value, json};
use tracklore_testkit::{Account, Answer, Stack};

/// A stack in which auth runs.
async fn auth() -> Stack {
    let mut stack = Stack::new().await;
    stack.start("auth").await;
    stack
}

/// A stack in which auth runs and nobody gets an account before the address is confirmed.
async fn auth_with_verification() -> Stack {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_EMAIL_VERIFICATION", "required");
    stack.start("auth").await;
    stack
}

async fn sign_up(stack: &Stack, username: &str, email: &str, password: &str) -> Answer {
    let body = json!({"username": username, "email": email, "password": password});
    stack.post("auth", "/v1/auth/signup", &body).await
}

async fn log_in(stack: &Stack, login: &str, password: &str) -> Answer {
    stack.post("auth", "/v1/auth/login", &json!({"login": login, "password": password})).await
}

async fn refresh(stack: &Stack, token: &str) -> Answer {
    stack.post("auth", "/v1/auth/refresh", &json!({"refresh_token": token})).await
}

/// `/verify` with this access token.
async fn verify(stack: &Stack, access_token: &str) -> Answer {
    let request = stack.request(reqwest::Method::GET, "auth", "/v1/auth/verify");
    Answer::of(request.bearer_auth(access_token)).await
}

/// The session of an account's access token.
async fn session_of(stack: &Stack, account: &Account) -> String {
    verify(stack, &account.access_token).await.expect(200).header("x-session-id").to_owned()
}

/// DELETE with a JSON body.
async fn delete(stack: &Stack, account: &Account, path: &str, body: &Value) -> Answer {
    Answer::of(account.request(stack, reqwest::Method::DELETE, "auth", path).json(body)).await
}

/// The items of a page.
fn items(page: &Answer) -> &[Value] {
    page.json.get("items").and_then(Value::as_array).unwrap()
}

/// How many rows this table of auth's database has where this condition holds.
async fn count(stack: &Stack, from_where: &str) -> i64 {
    let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {from_where}"));
    sqlx::query_scalar(query).fetch_one(&stack.database("auth")).await.unwrap()
}

/// The reasons of the ended sessions that are published, with their ids, in any order.
async fn ended(stack: &Stack) -> Vec<(String, String)> {
    let records = stack.records("session-events").await;
    let events = records.iter().map(|record| record.event().unwrap().unwrap().payload::<Value>().unwrap());
    let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
    events.map(|event| (text(&event, "session_id"), text(&event, "reason"))).collect()
}

fn text(answer: &Answer, key: &str) -> String {
    answer.json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
