//! Changing one's own account.

use reqwest::Method;
use serde_json::json;
use tracklore_testkit::Answer;

use crate::{auth, count, log_in, sign_up, text};

const PATH: &str = "/v1/auth/me";

#[tokio::test]
async fn a_new_name_is_the_accounts_at_once_and_everybody_hears_of_it() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let changed = ada
        .patch(&stack, "auth", PATH, &json!({"username": "Lovelace", "password": ada.password}))
        .await
        .expect(200);
    assert_eq!(changed.json["username"], "Lovelace");
    assert_eq!(ada.get(&stack, "auth", PATH).await.expect(200).json, changed.json);
    log_in(&stack, "lovelace", &ada.password).await.expect(200);
    log_in(&stack, "ada", &ada.password).await.expect(401);

    let updated = |record: &tracklore_platform::event::Record| record.header("ce_sequence") == Some("2");
    let record = stack.record("user-events", updated).await;
    assert_eq!(record.header("ce_type"), Some("tracklore.user.updated.v1"));
    let payload: serde_json::Value = record.event().unwrap().unwrap().payload().unwrap();
    assert_eq!(
        payload,
        json!({
            "id": ada.id, "username": "Lovelace", "status": "active", "created_at": changed.json["created_at"]
        })
    );
}

#[tokio::test]
async fn a_name_that_was_given_up_is_kept_for_its_last_owner() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let rename = async |name: &str| {
        ada.patch(&stack, "auth", PATH, &json!({"username": name, "password": ada.password})).await
    };
    rename("lovelace").await.expect(200);
    let taken = sign_up(&stack, "ADA", "other@example.org", "a long enough secret").await.expect(409);
    assert_eq!(taken.code(), "username-taken");
    rename("ada").await.expect(200);
    rename("lovelace").await.expect(200);

    let later = sqlx::query("UPDATE reserved_usernames SET until = now()");
    later.execute(&stack.database("auth")).await.unwrap();
    sign_up(&stack, "ada", "other@example.org", "a long enough secret").await.expect(201);
    assert_eq!(rename("Ada").await.expect(409).code(), "username-taken");
}

#[tokio::test]
async fn a_change_needs_the_password_and_follows_the_rules() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let patch = async |body: serde_json::Value| ada.patch(&stack, "auth", PATH, &body).await;
    let wrong = patch(json!({"username": "eve", "password": "not her long password"})).await.expect(403);
    assert_eq!(wrong.code(), "wrong-password");
    patch(json!({"username": "eve"})).await.expect(400);
    patch(json!({"password": ada.password, "scope": "users:admin"})).await.expect(400);
    let bad = patch(json!({"username": "1", "email": null, "password": ada.password})).await.expect(422);
    let pointers: Vec<_> =
        bad.json["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str()).collect();
    assert_eq!(pointers, [Some("/username"), Some("/email")]);
    let nothing = patch(json!({"password": ada.password})).await.expect(200);
    assert_eq!(
        (text(&nothing, "username"), text(&nothing, "email")),
        ("ada".into(), "ada@example.org".into())
    );
}

#[tokio::test]
async fn who_has_a_stolen_token_can_not_guess_the_password_fast() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let guess = json!({"username": "eve", "password": "not her long password"});
    for _ in 0..5 {
        ada.patch(&stack, "auth", PATH, &guess).await.expect(403);
    }
    let refused = ada.patch(&stack, "auth", PATH, &guess).await.expect(429);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    let refused = count(&stack, "account_events WHERE type = 'password-refused'").await;
    assert_eq!(refused, 5, "and each guess is noted");
}

#[tokio::test]
async fn tags_guard_against_changes_of_something_else() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let read = ada.get(&stack, "auth", PATH).await.expect(200);
    let tag = read.header("etag").to_owned();
    let again = ada.request(&stack, Method::GET, "auth", PATH).header("if-none-match", &tag);
    Answer::of(again).await.expect(304);

    let change = |method: Method, tag: &str, body: serde_json::Value| {
        Answer::of(ada.request(&stack, method, "auth", PATH).header("if-match", tag).json(&body))
    };
    let body = json!({"username": "lovelace", "password": ada.password});
    let changed = change(Method::PATCH, &tag, body.clone()).await.expect(200);
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(change(Method::PATCH, &tag, body).await.expect(412).code(), "precondition-failed");
    change(Method::DELETE, &tag, json!({"password": ada.password})).await.expect(412);
    change(Method::DELETE, changed.header("etag"), json!({"password": ada.password})).await.expect(202);
}
