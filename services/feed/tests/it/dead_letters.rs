//! Dead letters, and that everything ever published can be read.

use std::fs;

use serde_json::{Value, json};
use tracklore_feed::event::Change;
use tracklore_platform::event::Record;

use crate::{
    events::{empty_stack, wait_for_ids},
    neighbour::{Neighbour, profiles},
};

#[tokio::test]
async fn a_dead_letter_that_can_be_applied_by_now_is_and_is_one_no_more() {
    let mut stack = empty_stack().await;
    Neighbour::new(&mut stack).await.knows(profiles(&[(7, "Ada")]));
    let (prefix, post) = (stack.topic_prefix().to_owned(), uuid::Uuid::now_v7());
    let (topic, id) = (format!("{prefix}posts-events"), format!("{prefix}posts-events/0/77"));
    let subject = post.to_string();
    let headers = [
        ("ce_type", "tracklore.post.created.v1"),
        ("ce_subject", &subject),
        ("ce_sequence", "1"),
        ("ce_time", "2026-11-20T09:30:00.000Z"),
        ("dlq_reason", "not understood then"),
        ("dlq_topic", &topic),
        ("dlq_partition", "0"),
        ("dlq_offset", "77"),
        ("dlq_key", &subject),
        ("dlq_time", "2026-11-20T09:30:00.000Z"),
    ];
    let payload = json!({
        "id": post, "author_id": 7, "text": "Late", "attributes": {}, "visibility": "public", "expires_at": null,
        "version": 1, "created_at": "2026-11-20T09:30:00.000Z", "updated_at": "2026-11-20T09:30:00.000Z"
    });
    stack.write_record("posts-events.feed.dlq", &id, &headers, Some(payload.to_string().as_bytes())).await;
    stack.start("feed").await;
    let (ok, list) = stack.run("feed", &["dlq", "list"]).await;
    assert!(ok && list.contains("not understood then"), "{list}");
    for said in ["applied", "not there"] {
        let (ok, output) = stack.run("feed", &["dlq", "redrive", &id]).await;
        assert!(ok && output.contains(said), "{output}");
    }
    wait_for_ids(&stack, "/v1/feed/global", &[post]).await;
    assert_eq!(stack.run("feed", &["dlq", "list"]).await, (true, String::new()));
}

#[test]
fn everything_that_was_ever_published_can_be_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events/examples");
    let mut known = 0;
    for kind in fs::read_dir(folder).unwrap() {
        for example in fs::read_dir(kind.unwrap().path()).unwrap() {
            let path = example.unwrap().path();
            let example: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let headers = example["headers"].as_object().unwrap().iter();
            let record = Record {
                topic: "t".to_owned(),
                partition: 0,
                offset: 0,
                key: example["key"].as_str().unwrap().as_bytes().to_vec(),
                value: Some(example["payload"].to_string().into_bytes()),
                headers: headers.map(|(k, v)| (k.clone(), v.as_str().unwrap().as_bytes().to_vec())).collect(),
            };
            let change = Change::of(&record).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            known += usize::from(change != Change::Nothing);
        }
    }
    assert!(known >= 10, "{known}");
}
