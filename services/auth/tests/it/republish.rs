//! `user-events` once more, from the tables.

use std::collections::BTreeMap;

use serde_json::json;
use tracklore_testkit::{Stack, eventually};

use crate::{auth, delete, session_of};

/// The last record of each key: type, sequence and value, as a consumer that begins anew sees the compacted topic.
async fn compacted(stack: &Stack) -> BTreeMap<Vec<u8>, [Option<String>; 3]> {
    let records = stack.records("user-events").await.into_iter();
    let told = |record: &tracklore_platform::event::Record| {
        let value = record.value.clone().map(|value| String::from_utf8(value).unwrap());
        [record.header("ce_type").map(str::to_owned), record.header("ce_sequence").map(str::to_owned), value]
    };
    records.map(|record| (record.key.clone(), told(&record))).collect()
}

#[tokio::test]
async fn the_tables_give_the_topic_that_the_changes_gave_however_long_ago_they_were() {
    let stack = auth().await;
    let [_, renamed, suspended, gone] = [
        stack.sign_up("ada").await,
        stack.sign_up("bob").await,
        stack.sign_up("eve").await,
        stack.sign_up("x-gone").await,
    ];
    let session = session_of(&stack, &gone).await;
    renamed
        .patch(&stack, "auth", "/v1/auth/me", &json!({"username": "rob", "password": renamed.password}))
        .await
        .expect(200);
    let (well, said) = stack.run("auth", &["suspend", "eve"]).await;
    assert!(well && said.contains(&suspended.id.to_string()), "{said}");
    delete(&stack, &gone, "/v1/auth/me", &json!({"password": gone.password})).await.expect(202);

    let published = async |count: usize| {
        eventually("all is published", async || {
            (stack.records("user-events").await.len() == count).then_some(())
        })
        .await;
    };
    published(7).await;
    let before = compacted(&stack).await;
    let types: Vec<_> = before.values().filter_map(|[r#type, ..]| r#type.as_deref()).collect();
    assert_eq!(
        types,
        ["created", "updated", "suspended", "deleted"].map(|what| format!("tracklore.user.{what}.v1"))
    );

    // what the outbox doesn't have any more
    let forget = sqlx::query("DELETE FROM outbox WHERE aggregate_type = 'user'");
    forget.execute(&stack.database("auth")).await.unwrap();
    let (well, said) = stack.run("auth", &["republish"]).await;
    assert!(well && said.contains("accounts: 4, ends of sessions: 2"), "{said}");
    published(11).await;
    assert_eq!(compacted(&stack).await, before);
    let ends = async || {
        let ends = stack.records("session-events").await;
        (ends.iter().filter(|record| record.key == session.as_bytes()).count() == 2).then_some(())
    };
    eventually("the end of the session is published again", ends).await;

    let (well, said) = stack.run("auth", &["republish", "--since", "2199-01-01T00:00:00Z"]).await;
    assert!(well && said.contains("accounts: 0, ends of sessions: 0"), "{said}");
}
