//! What clients keep for their user.

use reqwest::Method;
use serde_json::{Value, json};
use tracklore_testkit::{Account, Answer, Stack};

use crate::stack;

const SETTINGS: &str = "/v1/users/me/settings";

async fn change(stack: &Stack, account: &Account, body: &Value) -> Answer {
    account.patch(stack, "user", SETTINGS, body).await
}

#[tokio::test]
async fn settings_are_the_users_own_and_changed_key_by_key() {
    let stack = stack().await;
    let (ada, eve) = (stack.sign_up("ada").await, stack.sign_up("eve").await);
    assert_eq!(ada.get(&stack, "user", SETTINGS).await.expect(200).json, json!({}));
    let first = json!({"theme": "dark", "editor": {"size": 14, "font": "mono"}, "odd": "a\0b", "big": 1e300});
    assert_eq!(change(&stack, &ada, &first).await.expect(200).json, first);
    let changed = change(&stack, &ada, &json!({"editor": {"size": 15, "font": null}, "odd": null})).await;
    let expected = json!({"theme": "dark", "editor": {"size": 15}, "big": 1e300});
    assert_eq!(changed.expect(200).json, expected);
    assert_eq!(ada.get(&stack, "user", SETTINGS).await.expect(200).json, expected);
    assert_eq!(eve.get(&stack, "user", SETTINGS).await.expect(200).json, json!({}));
    assert_eq!(stack.get("user", SETTINGS).await.expect(401).code(), "token-missing");
}

#[tokio::test]
async fn etags_save_reading_and_guard_changing() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let first = ada.get(&stack, "user", SETTINGS).await.expect(200).header("etag").to_owned();
    let conditional =
        |tag: &str| ada.request(&stack, Method::GET, "user", SETTINGS).header("if-none-match", tag);
    assert_eq!(Answer::of(conditional(&first)).await.status, 304);
    let guarded = |tag: &str, body: Value| {
        Answer::of(ada.request(&stack, Method::PATCH, "user", SETTINGS).header("if-match", tag).json(&body))
    };
    let second = guarded(&first, json!({"a": 1})).await.expect(200).header("etag").to_owned();
    assert_ne!(first, second);
    assert_eq!(guarded(&first, json!({"a": 2})).await.expect(412).code(), "precondition-failed");
    assert_eq!(guarded(&second, json!({"a": 1})).await.expect(200).header("etag"), second);
}

#[tokio::test]
async fn concurrent_changes_of_different_keys_are_all_kept() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let mut calls = tokio::task::JoinSet::new();
    for key in 0..8 {
        let body = json!({format!("key-{key}"): key});
        calls.spawn(Answer::of(ada.request(&stack, Method::PATCH, "user", SETTINGS).json(&body)));
    }
    assert!(calls.join_all().await.iter().all(|answer| answer.status == 200));
    assert_eq!(ada.get(&stack, "user", SETTINGS).await.json.as_object().unwrap().len(), 8);
}

#[tokio::test]
async fn what_is_no_object_or_too_large_is_refused() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    for bad in [json!([]), json!("x"), json!(null), json!(1)] {
        assert_eq!(change(&stack, &ada, &bad).await.expect(400).code(), "malformed-request", "{bad}");
    }
    let half = "x".repeat(9_000);
    change(&stack, &ada, &json!({"a": half})).await.expect(200);
    let refused = change(&stack, &ada, &json!({"b": half})).await.expect(422);
    assert_eq!((refused.code(), &refused.json["errors"][0]["pointer"]), ("validation-failed", &json!("")));
    assert!(ada.get(&stack, "user", SETTINGS).await.json["b"].is_null());
    change(&stack, &ada, &json!({"a": null, "b": half})).await.expect(200);
}
