//! The auth service as a process, against real Postgres and Kafka.
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

mod accounts;
mod administration;
mod events;
mod import;
mod internal;
mod passwords;
mod refresh;
mod revocation;
mod rotation;
mod sessions;
mod start;
mod throttle;
mod timing;

use serde_json::{Value, json};
use tracklore_testkit::{Account, Answer, Stack};

/// A stack in which auth runs.
async fn auth() -> Stack {
    let mut stack = Stack::new().await;
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

fn text(answer: &Answer, key: &str) -> String {
    answer.json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
