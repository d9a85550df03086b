//! Events in and out.

use serde_json::json;
use tracklore_testkit::eventually;

use crate::{account, patch, payload, stack, tell, username_becomes};

#[tokio::test]
async fn a_change_is_published_once_with_the_whole_state() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = ada
        .request(&stack, reqwest::Method::PATCH, "user", crate::ME)
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
        .json(&json!({"display_name": "Ada", "bio": "Engines"}));
    let changed = tracklore_testkit::Answer::of(request).await.expect(200).json;
    drop(patch(&stack, &ada, &json!({"display_name": "Ada"})).await.expect(200));
    drop(patch(&stack, &ada, &json!({"location": "London"})).await.expect(200));

    let second = stack.record("profile-events", |record| record.header("ce_sequence") == Some("2")).await;
    assert_eq!(payload(&second)["location"], "London");
    let records = stack.records("profile-events").await;
    assert_eq!(records.len(), 2, "a change to the same publishes nothing");

    let first = records.iter().find(|record| record.header("ce_sequence") == Some("1")).unwrap();
    let id = ada.id.to_string();
    assert_eq!(first.key, id.as_bytes());
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_type", "tracklore.profile.updated.v1"),
        ("ce_source", "user"),
        ("ce_subject", &id),
        ("ce_time", changed["updated_at"].as_str().unwrap()),
        ("content-type", "application/json"),
    ] {
        assert_eq!(first.header(name), Some(value), "{name}");
    }
    assert_eq!(first.header("ce_id").unwrap().len(), 36);
    assert_eq!(first.header("traceparent").unwrap().split('-').nth(1), Some(trace));
    assert_eq!(
        payload(first),
        json!({
            "id": ada.id, "username": "ada", "display_name": "Ada", "bio": "Engines", "avatar_url": null,
            "location": null, "created_at": changed["created_at"], "updated_at": changed["updated_at"]
        })
    );
}

#[tokio::test]
async fn sign_up_reaches_the_service_as_an_event() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let database = stack.database("user");
    let sequence = eventually("the event has come", async || {
        sqlx::query_scalar::<_, i64>("SELECT sequence FROM auth_users WHERE id = $1")
            .bind(ada.id)
            .fetch_optional(&database)
            .await
            .unwrap()
    })
    .await;
    assert_eq!(sequence, 1);
}

#[tokio::test]
async fn older_and_repeated_events_change_nothing() {
    let stack = stack().await;
    tell(&stack, "updated", 3, &account(7, "third", "active")).await;
    username_becomes(&stack, 7, "third").await;
    tell(&stack, "updated", 2, &account(7, "second", "active")).await;
    tell(&stack, "updated", 3, &account(7, "again", "active")).await;
    tell(&stack, "updated", 4, &account(7, "fourth", "active")).await;
    username_becomes(&stack, 7, "fourth").await;
    tell(&stack, "suspended", 5, &account(7, "fourth", "suspended")).await;
    tell(&stack, "updated", 6, &account(7, "sixth", "active")).await;
    username_becomes(&stack, 7, "sixth").await;
    let found = stack.get("user", "/v1/users?username=second").await.expect(200).json;
    assert_eq!(found["items"], json!([]));
}

#[tokio::test]
async fn a_name_that_passed_to_another_user_finds_the_new_one_whatever_came_first() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    // an account that had the name before; the event that it has another one is still under way
    tell(&stack, "created", 1, &account(7, "ada", "active")).await;
    username_becomes(&stack, 7, "ada").await;
    drop(stack.get("user", &format!("/v1/users/{}", ada.id)).await.expect(200));
    let found = stack.get("user", "/v1/users?username=ada").await.expect(200).json;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(found["items"][0]["id"], ada.id);
}

#[tokio::test]
async fn a_poison_record_goes_to_the_dead_letters_and_the_next_is_processed() {
    let stack = stack().await;
    let poison = br#"{"id": 7, "status": "#;
    let headers = [
        ("ce_type", "tracklore.user.created.v1"),
        ("ce_subject", "7"),
        ("ce_sequence", "1"),
        ("ce_time", "2026-11-20T10:00:00.000Z"),
        ("content-type", "application/json"),
    ];
    stack.write_record("user-events", "7", &headers, Some(poison)).await;
    stack.write_record("user-events", "7", &[], Some(b"no headers")).await;
    stack.write_record("user-events", "7", &[], None).await;
    tell(&stack, "celebrated", 2, &account(7, "party", "active")).await;
    tell(&stack, "updated", 3, &account(7, "grace", "active")).await;
    username_becomes(&stack, 7, "grace").await;

    let letters = stack.records("user-events.user.dlq").await;
    assert_eq!(letters.len(), 2);
    let letter = letters.first().unwrap();
    assert_eq!((letter.header("dlq_key"), letter.value.as_deref()), (Some("7"), Some(poison.as_slice())));
    assert_eq!(letter.header("ce_type"), Some("tracklore.user.created.v1"));
    assert!(letter.header("dlq_reason").unwrap().contains("tracklore.user.created.v1"));
    assert_eq!(letter.header("dlq_topic"), Some(format!("{}user-events", stack.topic_prefix()).as_str()));
    assert!(letters[1].header("dlq_reason").unwrap().contains("ce_"));
}

#[tokio::test]
async fn events_written_while_the_relay_was_dead_are_published_after_a_restart() {
    let mut stack = stack().await;
    let ada = stack.sign_up("ada").await;
    drop(ada.get(&stack, "user", crate::ME).await.expect(200));
    stack.kill("user").await;
    stack.set("TRACKLORE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1");
    stack.start("user").await;
    drop(patch(&stack, &ada, &json!({"bio": "Engines"})).await.expect(200));
    stack.kill("user").await;
    assert!(stack.records("profile-events").await.is_empty());

    stack.set("TRACKLORE_KAFKA_BOOTSTRAP_SERVERS", &std::env::var("TRACKLORE_TEST_KAFKA").unwrap());
    stack.start("user").await;
    stack.record("profile-events", |record| record.header("ce_sequence") == Some("1")).await;
}
