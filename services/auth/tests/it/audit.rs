//! The audit trail and the export.

use serde_json::{Value, json};
use tracklore_testkit::{Account, Answer, Stack};

use crate::{auth, count, items, log_in, refresh, session_of, text};

async fn trail(stack: &Stack, account: &Account) -> Vec<String> {
    let list = account.get(stack, "auth", "/v1/auth/me/events?limit=100").await.expect(200);
    items(&list).iter().map(|item| item["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn everything_that_happens_to_an_account_stands_in_its_trail_newest_first() {
    let stack = auth().await;
    let mut ada = stack.sign_up("ada").await;
    stack.sign_up("bob").await;
    log_in(&stack, "ada", "not her long password").await.expect(401);
    let other = log_in(&stack, "ada", &ada.password).await.expect(200);
    let once = refresh(&stack, &text(&other, "refresh_token")).await.expect(200);
    refresh(&stack, &text(&once, "refresh_token")).await.expect(200);
    refresh(&stack, &text(&other, "refresh_token")).await.expect(401);
    let third = log_in(&stack, "ada", &ada.password).await.expect(200);
    ada.delete(&stack, "auth", "/v1/auth/sessions").await.expect(204);
    let logout = stack
        .request(reqwest::Method::POST, "auth", "/v1/auth/logout")
        .bearer_auth(text(&third, "access_token"));
    Answer::of(logout).await.expect(401);
    let body = json!({"current_password": ada.password, "new_password": "another long enough secret"});
    ada.post(&stack, "auth", "/v1/auth/password/change", &body).await.expect(204);
    "another long enough secret".clone_into(&mut ada.password);
    let body = json!({"username": "lovelace", "email": "l@example.org", "password": ada.password});
    ada.patch(&stack, "auth", "/v1/auth/me", &body).await.expect(200);
    assert_eq!(
        trail(&stack, &ada).await,
        [
            "email-change-requested",
            "username-changed",
            "password-changed",
            "session-ended",
            "logged-in",
            "refresh-token-reused",
            "logged-in",
            "log-in-failed",
            "signed-up"
        ]
    );
}

#[tokio::test]
async fn an_entry_says_when_by_which_session_and_with_what_device_and_never_a_secret() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let body = json!({"login": "ada", "password": "not her long password"});
    let request = stack.request(reqwest::Method::POST, "auth", "/v1/auth/login").json(&body);
    Answer::of(request.header("user-agent", "Burglar/1.0")).await.expect(401);

    let list = ada.get(&stack, "auth", "/v1/auth/me/events?limit=1").await.expect(200);
    let failed = &list.json["items"][0];
    assert_eq!(
        (failed["type"].as_str(), failed["user_agent"].as_str()),
        (Some("log-in-failed"), Some("Burglar/1.0"))
    );
    let next = format!("/v1/auth/me/events?limit=1&cursor={}", text(&list, "next_cursor"));
    let rest = ada.get(&stack, "auth", &next).await.expect(200);
    let first = &rest.json["items"][0];
    assert_eq!(first["type"], "signed-up");
    assert_eq!(first["session_id"].as_str(), Some(session_of(&stack, &ada).await.as_str()));
    assert!(first["occurred_at"].is_string() && rest.json["next_cursor"].is_null());
    let secrets = "account_events WHERE account_events::text ~* 'secret|password\"|argon'";
    assert_eq!(count(&stack, secrets).await, 0);
    ada.get(&stack, "auth", "/v1/auth/me/events?limit=0").await.expect(400);
}

#[tokio::test]
async fn a_failed_log_in_is_noted_the_same_way_for_nobody() {
    let stack = auth().await;
    log_in(&stack, "nobody", "a long enough secret").await.expect(401);
    assert_eq!(count(&stack, "account_events WHERE user_id IS NULL AND type = 'log-in-failed'").await, 1);
    assert_eq!(count(&stack, "account_events WHERE account_events::text LIKE '%nobody%'").await, 0);
}

#[tokio::test]
async fn the_trail_is_append_only_by_day_and_ends_with_its_days() {
    let stack = auth().await;
    stack.sign_up("ada").await;
    let database = stack.database("auth");
    for change in ["UPDATE account_events SET type = 'x'", "DELETE FROM account_events"] {
        let refused = sqlx::query(change).execute(&database).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    assert_eq!(count(&stack, "account_events_default").await, 0, "today has a partition");
    sqlx::query("SELECT account_events_maintain('-2 days')").execute(&database).await.unwrap();
    assert_eq!(count(&stack, "account_events").await, 0);
}

#[tokio::test]
async fn an_export_has_all_that_is_known_and_nothing_to_log_in_with() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let export = ada.get(&stack, "auth", "/v1/auth/me/export").await.expect(200);
    assert!(export.header("content-disposition").starts_with("attachment"));
    let account = ada.get(&stack, "auth", "/v1/auth/me").await.expect(200).json;
    assert_eq!(export.json["account"], account);
    assert_eq!(export.json["sessions"][0]["id"].as_str(), Some(session_of(&stack, &ada).await.as_str()));
    let types: Vec<_> =
        export.json["events"]["items"].as_array().unwrap().iter().map(|e| &e["type"]).collect();
    assert_eq!(types, ["exported", "signed-up"]);
    assert_eq!(export.json["events"]["next_cursor"], Value::Null);
    let text = export.json.to_string();
    assert!(!text.contains("argon2") && !text.contains(&ada.refresh_token));
}
