//! `profile-events` once more, from the tables.

use std::collections::BTreeMap;

use serde_json::json;
use tracklore_testkit::{Stack, eventually};

use crate::{
    ME, account, badges,
    follows::{follow, following},
    patch, stack, tell,
};

/// The last record of each key: type, sequence and value, as a consumer that begins anew sees the compacted topic.
async fn compacted(stack: &Stack) -> BTreeMap<String, (String, String, Option<Vec<u8>>)> {
    let header = |record: &tracklore_platform::event::Record, name| record.header(name).unwrap().to_owned();
    let records = stack.records("profile-events").await.into_iter();
    records
        .map(|record| {
            let key = String::from_utf8(record.key.clone()).unwrap();
            (key, (header(&record, "ce_type"), header(&record, "ce_sequence"), record.value))
        })
        .collect()
}

#[tokio::test]
async fn the_tables_give_the_topic_that_the_changes_gave() {
    let stack = stack().await;
    let (ada, eve, gone) =
        (stack.sign_up("ada").await, stack.sign_up("eve").await, stack.sign_up("gone").await);
    let admin = badges::admin(&stack).await;
    for bio in ["One", "Two"] {
        drop(patch(&stack, &ada, &json!({"bio": bio})).await.expect(200));
    }
    follow(&stack, &ada, &eve).await.expect(204);
    follow(&stack, &eve, &ada).await.expect(204);
    eve.delete(&stack, "user", &following(ada.id)).await.expect(204);
    for slug in ["a", "b"] {
        badges::create(&stack, &admin, slug).await.expect(201);
        badges::award(&stack, &admin, ada.id, slug, "why").await.expect(201);
    }
    admin.delete(&stack, "user", &format!("/v1/users/{}/badges/b", ada.id)).await.expect(204);
    let goal = ada.post(&stack, "user", &format!("{ME}/goals"), &json!({"title": "G"})).await.expect(201);
    let done = json!({"status": "completed"});
    ada.patch(&stack, "user", goal.header("location"), &done).await.expect(200);
    drop(patch(&stack, &gone, &json!({"bio": "x"})).await.expect(200));
    tell(&stack, "deleted", 9, &account(gone.id, "gone", "deleted")).await;

    let before = eventually("all is published", async || {
        let before = compacted(&stack).await;
        let deleted = before.get(&gone.id.to_string()).is_some_and(|(r#type, ..)| r#type.contains("deleted"));
        (before.len() == 7 && deleted).then_some(before)
    })
    .await;
    let count = stack.records("profile-events").await.len();
    let (well, said) = stack.run("user", &["republish"]).await;
    assert!(well && said.contains("7 events"), "{said}");
    eventually("all is published again", async || {
        (stack.records("profile-events").await.len() == count + 7).then_some(())
    })
    .await;
    assert_eq!(compacted(&stack).await, before);

    let (well, said) = stack.run("user", &["republish", "--since", "2199-01-01T00:00:00Z"]).await;
    assert!(well && said.contains("0 events"), "{said}");
    let (well, said) = stack.run("user", &["republish", "--since", "yesterday"]).await;
    assert!(!well && said.contains("RFC 3339"), "{said}");
}
