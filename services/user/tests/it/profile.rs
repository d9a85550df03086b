//! Reading, finding and changing profiles.

use reqwest::Method;
use serde_json::json;
use tracklore_testkit::{Answer, Stack};

use crate::{ME, patch, stack};

#[tokio::test]
async fn a_profile_is_there_right_after_sign_up_even_when_no_event_ever_comes() {
    let mut stack = Stack::new().await;
    stack.start("auth").await;
    // nothing listens there: this service gets no event
    stack.set("TRACKLORE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1");
    stack.start("user").await;
    let ada = stack.sign_up("ada").await;

    let own = ada.get(&stack, "user", ME).await.expect(200).json;
    assert_eq!((own["id"].as_i64(), own["username"].as_str()), (Some(ada.id), Some("ada")));
    assert_eq!(own["follow_policy"], "open");
    assert_eq!((&own["followers_count"], &own["following_count"]), (&json!(0), &json!(0)));
    assert!(own["display_name"].is_null() && own["created_at"] == own["updated_at"]);

    let grace = stack.sign_up("grace").await;
    let public = stack.get("user", &format!("/v1/users/{}", grace.id)).await.expect(200);
    assert_eq!(public.json["username"], "grace");

    let linus = stack.sign_up("linus").await;
    let found = stack.get("user", "/v1/users?username=LINUS").await.expect(200).json;
    assert_eq!((found["items"][0]["id"].as_i64(), found["next_cursor"].is_null()), (Some(linus.id), true));

    let margaret = stack.sign_up("margaret").await;
    let changed = patch(&stack, &margaret, &json!({"display_name": "Margaret"})).await.expect(200);
    assert_eq!(changed.json["display_name"], "Margaret");
}

#[tokio::test]
async fn a_change_is_seen_by_everybody_and_null_takes_it_back() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let all = json!({
        "display_name": "Ada Lovelace", "bio": "Notes\non engines", "avatar_url": "https://img.example.org/ada.png",
        "location": "London", "follow_policy": "approval"
    });
    let changed = patch(&stack, &ada, &all).await.expect(200).json;
    for (key, value) in all.as_object().unwrap() {
        assert_eq!(&changed[key], value);
    }
    assert!(changed["updated_at"].as_str() > changed["created_at"].as_str());
    assert_eq!(stack.get("user", &format!("/v1/users/{}", ada.id)).await.expect(200).json, changed);
    assert_eq!(stack.get("user", "/v1/users?username=ada").await.expect(200).json["items"][0], changed);

    let cleared = patch(&stack, &ada, &json!({"bio": null, "follow_policy": null})).await.expect(200).json;
    assert!(cleared["bio"].is_null());
    assert_eq!((&cleared["follow_policy"], &cleared["location"]), (&json!("open"), &json!("London")));
}

#[tokio::test]
async fn etags_save_reading_and_guard_changing() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let path = format!("/v1/users/{}", ada.id);
    let first = ada.get(&stack, "user", ME).await.expect(200).header("etag").to_owned();
    assert_eq!(stack.get("user", &path).await.expect(200).header("etag"), first);

    let conditional = |tag: &str| stack.request(Method::GET, "user", &path).header("if-none-match", tag);
    assert_eq!(Answer::of(conditional(&first)).await.status, 304);

    let guarded = |tag: &str, name: &str| {
        let request = ada.request(&stack, Method::PATCH, "user", ME).header("if-match", tag);
        Answer::of(request.json(&json!({"display_name": name})))
    };
    let changed = guarded(&first, "Ada").await.expect(200);
    let second = changed.header("etag").to_owned();
    assert_ne!(first, second);
    assert_eq!(guarded(&first, "Late").await.expect(412).code(), "precondition-failed");
    assert_eq!(Answer::of(conditional(&first)).await.status, 200);
    let same = guarded(&second, "Ada").await.expect(200);
    assert_eq!(same.header("etag"), second, "a change to the same changes nothing");
}

#[tokio::test]
async fn concurrent_changes_of_different_fields_are_all_kept() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let bodies = [
        json!({"display_name": "Ada"}),
        json!({"bio": "Engines"}),
        json!({"location": "London"}),
        json!({"avatar_url": "https://img.example.org/a.png"}),
        json!({"follow_policy": "approval"}),
    ];
    let answers: [Answer; 5] = tokio::join!(
        patch(&stack, &ada, &bodies[0]),
        patch(&stack, &ada, &bodies[1]),
        patch(&stack, &ada, &bodies[2]),
        patch(&stack, &ada, &bodies[3]),
        patch(&stack, &ada, &bodies[4]),
    )
    .into();
    assert!(answers.iter().all(|answer| answer.status == 200));
    let own = ada.get(&stack, "user", ME).await.expect(200).json;
    for body in &bodies {
        for (key, value) in body.as_object().unwrap() {
            assert_eq!(&own[key], value, "{key}");
        }
    }
}

#[tokio::test]
async fn a_new_program_serves_with_the_schema_already_migrated() {
    let mut stack = stack().await;
    let ada = stack.sign_up("ada").await;
    drop(patch(&stack, &ada, &json!({"display_name": "Ada"})).await.expect(200));
    stack.stop("user").await;
    stack.start("user").await;
    assert_eq!(ada.get(&stack, "user", ME).await.expect(200).json["display_name"], "Ada");
}
