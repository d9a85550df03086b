//! Administrators: how one becomes one, what they may do, what follows from it.

use std::process::Output;

use serde_json::{Value, json};
use sqlx::ConnectOptions;
use tracklore_testkit::{Account, Answer, Stack, eventually};

use crate::{auth, log_in, refresh, session_of, sign_up, text, verify};

/// Runs a sub-command as an operator would.
fn command(stack: &Stack, arguments: &[&str]) -> Output {
    let url = stack.database("auth").connect_options().to_url_lossy();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tracklore-auth"));
    command.args(arguments).env_clear().env("TRACKLORE_DATABASE_URL", url.as_str()).output().unwrap()
}

fn succeed(stack: &Stack, arguments: &[&str]) -> String {
    let output = command(stack, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The account with the tokens that a refresh gives now.
async fn refreshed(stack: &Stack, account: &Account) -> Account {
    let pair = refresh(stack, &account.refresh_token).await.expect(200);
    let (access_token, refresh_token) = (text(&pair, "access_token"), text(&pair, "refresh_token"));
    Account { access_token, refresh_token, ..account.clone() }
}

async fn administrator(stack: &Stack) -> Account {
    let root = stack.sign_up("root").await;
    succeed(stack, &["grant", "root", "users:admin"]);
    refreshed(stack, &root).await
}

async fn scope(stack: &Stack, access_token: &str) -> String {
    verify(stack, access_token).await.expect(200).header("x-scope").to_owned()
}

fn place(account: &Account) -> String {
    format!("/v1/auth/users/{}", account.id)
}

async fn put(stack: &Stack, by: &Account, path: &str) -> Answer {
    Answer::of(by.request(stack, reqwest::Method::PUT, "auth", path)).await
}

#[tokio::test]
async fn only_administrators_see_and_change_accounts() {
    let stack = auth().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let grants = format!("{}/grants/users:admin", place(&ada));
    stack.get("auth", &place(&bob)).await.expect(401);
    for refused in [
        ada.get(&stack, "auth", &place(&bob)).await,
        ada.patch(&stack, "auth", &place(&bob), &json!({"status": "suspended"})).await,
        put(&stack, &ada, &grants).await,
        ada.delete(&stack, "auth", &grants).await,
    ] {
        assert_eq!(refused.expect(403).code(), "scope-missing");
    }
    verify(&stack, &bob.access_token).await.expect(200);

    let root = administrator(&stack).await;
    assert_eq!(scope(&stack, &root.access_token).await, "users:admin");
    let seen = root.get(&stack, "auth", &place(&ada)).await.expect(200);
    assert_eq!(
        (&seen.json["username"], &seen.json["email"], &seen.json["status"], &seen.json["grants"]),
        (&json!("ada"), &json!("ada@example.org"), &json!("active"), &json!([]))
    );
    let again = root.request(&stack, reqwest::Method::GET, "auth", &place(&ada));
    Answer::of(again.header("if-none-match", seen.header("etag"))).await.expect(304);
    for missing in ["/v1/auth/users/7", "/v1/auth/users/x"] {
        root.get(&stack, "auth", missing).await.expect(404);
        root.patch(&stack, "auth", missing, &json!({"status": "active"})).await.expect(404);
    }
}

#[tokio::test]
async fn a_suspended_account_is_refused_everywhere_until_it_is_resumed() {
    let stack = auth().await;
    let (root, ada) = (administrator(&stack).await, stack.sign_up("ada").await);
    let session = session_of(&stack, &ada).await;
    let before = root.get(&stack, "auth", &place(&ada)).await.expect(200);
    let suspended =
        root.patch(&stack, "auth", &place(&ada), &json!({"status": "suspended"})).await.expect(200);
    assert_eq!(suspended.json["status"], "suspended");

    verify(&stack, &ada.access_token).await.expect(401);
    ada.get(&stack, "auth", "/v1/auth/me").await.expect(401);
    refresh(&stack, &ada.refresh_token).await.expect(401);
    assert_eq!(log_in(&stack, "ada", &ada.password).await.expect(401).code(), "invalid-credentials");
    let ended = stack.record("session-events", |record| record.key == session.as_bytes()).await;
    assert_eq!(ended.event().unwrap().unwrap().payload::<Value>().unwrap()["reason"], "suspended");
    let told = event(&stack, &ada, "2").await;
    assert_eq!((told.0.as_str(), &told.1["status"]), ("tracklore.user.suspended.v1", &json!("suspended")));

    // once more changes nothing, and a change on an old version is refused
    root.patch(&stack, "auth", &place(&ada), &json!({"status": "suspended"})).await.expect(200);
    let late = root.request(&stack, reqwest::Method::PATCH, "auth", &place(&ada));
    let late = late.header("if-match", before.header("etag")).json(&json!({"status": "active"}));
    Answer::of(late).await.expect(412);

    let late = root.request(&stack, reqwest::Method::PATCH, "auth", &place(&ada));
    let late = late.header("if-match", suspended.header("etag")).json(&json!({"status": "active"}));
    assert_eq!(Answer::of(late).await.expect(200).json["status"], "active");
    let told = event(&stack, &ada, "3").await;
    assert_eq!((told.0.as_str(), &told.1["status"]), ("tracklore.user.updated.v1", &json!("active")));
    log_in(&stack, "ada", &ada.password).await.expect(200);
    verify(&stack, &ada.access_token).await.expect(401);
}

/// Type and payload of an account's event with this number.
async fn event(stack: &Stack, account: &Account, sequence: &str) -> (String, Value) {
    let key = account.id.to_string();
    let matches = |record: &tracklore_platform::event::Record| {
        record.key == key.as_bytes() && record.header("ce_sequence") == Some(sequence)
    };
    let event = stack.record("user-events", matches).await.event().unwrap().unwrap();
    (event.r#type.clone(), event.payload().unwrap())
}

#[tokio::test]
async fn a_scope_comes_with_the_next_token_and_goes_with_the_sessions() {
    let stack = auth().await;
    let (root, ada) = (administrator(&stack).await, stack.sign_up("ada").await);
    for scope in ["posts:moderate", "badges:admin", "posts:moderate"] {
        put(&stack, &root, &format!("{}/grants/{scope}", place(&ada))).await.expect(204);
    }
    put(&stack, &root, &format!("{}/grants/everything", place(&ada))).await.expect(404);
    put(&stack, &root, "/v1/auth/users/7/grants/badges:admin").await.expect(404);
    assert_eq!(scope(&stack, &ada.access_token).await, "");
    let ada = refreshed(&stack, &ada).await;
    assert_eq!(scope(&stack, &ada.access_token).await, "badges:admin posts:moderate");

    root.delete(&stack, "auth", &format!("{}/grants/badges:admin", place(&ada))).await.expect(204);
    verify(&stack, &ada.access_token).await.expect(401);
    refresh(&stack, &ada.refresh_token).await.expect(401);
    let pair = log_in(&stack, "ada", &ada.password).await.expect(200);
    assert_eq!(scope(&stack, &text(&pair, "access_token")).await, "posts:moderate");
    // what wasn't there ends nothing
    root.delete(&stack, "auth", &format!("{}/grants/badges:admin", place(&ada))).await.expect(204);
    verify(&stack, &text(&pair, "access_token")).await.expect(200);
}

#[tokio::test]
async fn a_log_in_that_waits_while_a_scope_is_taken_away_doesn_t_get_it() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    succeed(&stack, &["grant", "ada", "badges:admin"]);
    let pool = stack.database("auth");
    // as `revoke` does, before its end
    let mut revoking = pool.begin().await.unwrap();
    let account = sqlx::query("SELECT FROM users WHERE id = $1 FOR UPDATE").bind(ada.id);
    account.execute(&mut *revoking).await.unwrap();
    let grants = sqlx::query("DELETE FROM grants WHERE user_id = $1").bind(ada.id);
    assert_eq!(grants.execute(&mut *revoking).await.unwrap().rows_affected(), 1);
    let taken_away = async {
        eventually("the log-in waits for the account", async || {
            let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity \
                         WHERE datname = current_database() AND wait_event_type = 'Lock')";
            let is_waiting: bool = sqlx::query_scalar(waits).fetch_one(&pool).await.unwrap();
            is_waiting.then_some(())
        })
        .await;
        revoking.commit().await.unwrap();
    };
    let (pair, ()) = tokio::join!(log_in(&stack, "ada", &ada.password), taken_away);
    assert_eq!(scope(&stack, &text(&pair.expect(200), "access_token")).await, "");
}

#[tokio::test]
async fn administrators_can_t_shut_the_door_behind_themselves() {
    let stack = auth().await;
    let root = administrator(&stack).await;
    for refused in [
        root.patch(&stack, "auth", &place(&root), &json!({"status": "suspended"})).await,
        root.delete(&stack, "auth", &format!("{}/grants/users:admin", place(&root))).await,
    ] {
        assert_eq!(refused.expect(422).code(), "own-account");
    }
    root.get(&stack, "auth", &place(&root)).await.expect(200);
}

#[tokio::test]
async fn the_command_line_does_the_same() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    assert!(succeed(&stack, &["suspend", "ada@example.org"]).contains("Sessions ended: 1."));
    refresh(&stack, &ada.refresh_token).await.expect(401);
    eventually("the end has gone round", async || {
        (verify(&stack, &ada.access_token).await.status == 401).then_some(())
    })
    .await;
    succeed(&stack, &["resume", &ada.id.to_string()]);
    succeed(&stack, &["grant", "ADA", "badges:admin"]);
    let pair = log_in(&stack, "ada", &ada.password).await.expect(200);
    assert_eq!(scope(&stack, &text(&pair, "access_token")).await, "badges:admin");
    succeed(&stack, &["revoke", "ada", "badges:admin"]);
    refresh(&stack, &text(&pair, "refresh_token")).await.expect(401);

    assert!(!command(&stack, &["grant", "nobody", "users:admin"]).status.success());
    assert!(!command(&stack, &["grant", "ada", "everything"]).status.success());
    assert_ne!(succeed(&stack, &["client"]), succeed(&stack, &["client"]));
    assert!(succeed(&stack, &["keys"]).starts_with("-----BEGIN PRIVATE KEY-----"));
}

fn first_administrator(stack: &mut Stack, password: &str) {
    stack.set("TRACKLORE_FIRST_ADMIN_USERNAME", "root");
    stack.set("TRACKLORE_FIRST_ADMIN_EMAIL", "root@example.org");
    stack.set("TRACKLORE_FIRST_ADMIN_PASSWORD", password);
}

async fn administrators(stack: &Stack) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM grants WHERE scope = 'users:admin'");
    count.fetch_one(&stack.database("auth")).await.unwrap()
}

#[tokio::test]
async fn the_first_administrator_comes_from_configuration_once() {
    let mut stack = Stack::new().await;
    first_administrator(&mut stack, "the very first password");
    for _ in 0..2 {
        stack.start("auth").await;
        let pair = eventually("the first administrator can log in", async || {
            let answer = log_in(&stack, "root", "the very first password").await;
            (answer.status == 200).then_some(answer)
        })
        .await;
        assert_eq!(scope(&stack, &text(&pair, "access_token")).await, "users:admin");
        assert_eq!(administrators(&stack).await, 1);
        stack.stop("auth").await;
    }
    assert_eq!(stack.records("user-events").await.len(), 1);
}

#[tokio::test]
async fn a_stranger_who_took_the_name_of_the_first_administrator_gets_nothing() {
    let mut stack = auth().await;
    sign_up(&stack, "root", "root@example.org", "a stranger's password").await.expect(201);
    stack.stop("auth").await;
    first_administrator(&mut stack, "the very first password");
    stack.start("auth").await;
    for _ in 0..3 {
        let pair = log_in(&stack, "root", "a stranger's password").await.expect(200);
        assert_eq!(scope(&stack, &text(&pair, "access_token")).await, "");
    }
    assert_eq!(administrators(&stack).await, 0);
    stack.stop("auth").await;

    // whose password it is, that is who was meant
    first_administrator(&mut stack, "a stranger's password");
    stack.start("auth").await;
    eventually("the owner is appointed", async || (administrators(&stack).await == 1).then_some(())).await;
}

#[tokio::test]
async fn the_log_of_a_refusal_says_who_was_refused_and_why() {
    let stack = auth().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let refused = ada.get(&stack, "auth", &place(&bob)).await.expect(403);
    let line = eventually("the refusal is logged", async || {
        let of_it = |line: &Value| line.pointer("/request_id") == refused.json.get("request_id");
        stack.log("auth").into_iter().find(of_it)
    })
    .await;
    let told = |pointer: &str| line.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    assert_eq!(
        (told("/code").as_deref(), told("/user_id")),
        (Some("scope-missing"), Some(ada.id.to_string()))
    );
}
