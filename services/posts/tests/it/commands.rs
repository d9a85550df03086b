//! What an administrator can do: dead letters, applying events again, sending events again.

use serde_json::{Value, json};
use tracklore_testkit::{Stack, eventually};

use crate::support::{at, count, follow, in_millis, stack, text, write};

const FOLLOWS: &str = "SELECT count(*) FROM follows WHERE following";

async fn run(stack: &Stack, arguments: &[&str]) -> String {
    let (ok, output) = stack.run("posts", arguments).await;
    assert!(ok, "{arguments:?}: {output}");
    output
}

/// A follow that this service refuses as long as nobody mends it: its sequence is below 1.
async fn bury(stack: &Stack, pair: &str, value: &str) -> String {
    let headers = [
        ("ce_type", "tracklore.user.followed.v1"),
        ("ce_subject", pair),
        ("ce_sequence", "0"),
        ("ce_time", "2026-11-20T10:00:00.000Z"),
        ("x-own", "kept"),
    ];
    stack.write_record("profile-events", pair, &headers, Some(value.as_bytes())).await;
    let letter =
        stack.record("profile-events.posts.dlq", |record| record.header("dlq_key") == Some(pair)).await;
    String::from_utf8(letter.key).unwrap()
}

#[tokio::test]
async fn a_dead_letter_keeps_everything_and_can_be_looked_at_and_discarded() {
    let stack = stack().await;
    let value = json!({"follower_id": 7, "followee_id": 8}).to_string();
    let id = bury(&stack, "7:8", &value).await;
    let other = bury(&stack, "8:9", "{").await;
    // what comes after is applied
    follow(&stack, (7, 8), true, 1).await;
    eventually("the next is applied", async || (count(&stack, FOLLOWS).await == 1).then_some(())).await;

    let list = run(&stack, &["dlq", "list"]).await;
    assert!(
        list.lines().count() == 2 && list.contains(&id) && list.contains("ce_sequence is below 1"),
        "{list}"
    );
    let shown: Value = serde_json::from_str(&run(&stack, &["dlq", "show", &id]).await).unwrap();
    assert_eq!(shown["headers"]["x-own"], "kept");
    assert_eq!(shown["value"], json!({"follower_id": 7, "followee_id": 8}));
    assert_eq!(shown["topic"], format!("{}profile-events", stack.topic_prefix()));
    assert_eq!(
        id,
        format!("{}/{}/{}", shown["topic"].as_str().unwrap(), shown["partition"], shown["offset"])
    );

    assert!(!stack.run("posts", &["dlq", "discard"]).await.0, "nothing was chosen");
    for said in ["discarded", "not there"] {
        assert!(run(&stack, &["dlq", "discard", &id]).await.contains(said));
    }
    let list = run(&stack, &["dlq", "list", "--json"]).await;
    let left: Value = serde_json::from_str(&list).unwrap();
    assert_eq!((&left["id"], &left["value"]), (&json!(other), &json!("{")));
    assert!(!stack.run("posts", &["dlq", "show", &id]).await.0);
}

#[tokio::test]
async fn redriving_applies_what_can_be_applied_by_now_and_can_be_repeated() {
    let stack = stack().await;
    let hopeless = bury(&stack, "8:9", "{").await;
    // buried by an older version, say, which didn't know what this one knows
    let event = json!({"follower_id": 7, "followee_id": 8}).to_string();
    let headers = [
        ("ce_type", "tracklore.user.followed.v1"),
        ("ce_subject", "7:8"),
        ("ce_sequence", "1"),
        ("ce_time", "2026-11-20T10:00:00.000Z"),
        ("dlq_reason", "unknown then"),
        ("dlq_topic", &format!("{}profile-events", stack.topic_prefix())),
        ("dlq_partition", "0"),
        ("dlq_offset", "77"),
        ("dlq_key", "7:8"),
        ("dlq_time", "2026-11-20T10:00:00.000Z"),
    ];
    let id = format!("{}profile-events/0/77", stack.topic_prefix());
    stack.write_record("profile-events.posts.dlq", &id, &headers, Some(event.as_bytes())).await;

    let (ok, output) = stack.run("posts", &["dlq", "redrive", "--all"]).await;
    assert!(
        !ok && output.contains(&format!("{id}\tapplied")) && output.contains(&format!("{hopeless}\tstays")),
        "{output}"
    );
    assert_eq!(count(&stack, FOLLOWS).await, 1);
    let list = run(&stack, &["dlq", "list"]).await;
    assert!(list.lines().count() == 1 && list.contains(&hopeless), "{list}");
    assert!(run(&stack, &["dlq", "redrive", &id]).await.contains("not there"));
    // nothing went back to the topic that another service writes
    assert_eq!(stack.records("profile-events").await.len(), 1);
}

#[tokio::test]
async fn events_are_applied_again_from_the_beginning_or_a_time_while_the_service_goes_on() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    follow(&stack, (7, 8), true, 1).await;
    follow(&stack, (8, 9), true, 1).await;
    follow(&stack, (8, 9), false, 2).await;
    let known = "SELECT count(*) FROM follows WHERE (follower_id = 7 AND following) OR sequence = 2";
    eventually("all is known", async || (count(&stack, known).await == 2).then_some(())).await;
    // the database was restored to a time when it knew less
    sqlx::query("DELETE FROM follows").execute(&stack.database("posts")).await.unwrap();
    let later = in_millis(3_600_000).to_string();
    let output = run(&stack, &["replay", "--from", &later, "--topic", "profile-events"]).await;
    assert!(output.contains("profile-events\t0 events"), "{output}");
    assert_eq!(count(&stack, known).await, 0);
    let output = run(&stack, &["replay", "--from", "beginning"]).await;
    assert!(output.contains("profile-events\t3 events"), "{output}");
    assert_eq!(count(&stack, known).await, 2);
    // again: nothing changes; and the running service consumes and serves on
    drop(run(&stack, &["replay", "--from", &in_millis(-3_600_000).to_string()]).await);
    assert_eq!(count(&stack, known).await, 2);
    follow(&stack, (1, 2), true, 1).await;
    eventually("it goes on", async || (count(&stack, FOLLOWS).await == 2).then_some(())).await;
    drop(write(&stack, &ada, text("One")).await);
    assert!(!stack.run("posts", &["replay", "--from", "beginning", "--topic", "posts-events"]).await.0);
    assert!(!stack.run("posts", &["replay", "--from", "yesterday"]).await.0);
}

#[tokio::test]
async fn events_are_sent_again_since_a_time_in_their_order() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let before = write(&stack, &ada, text("Before")).await;
    stack.record("posts-events", |record| record.key == before["id"].as_str().unwrap().as_bytes()).await;
    let since = in_millis(1);
    eventually("a millisecond has passed", async || (in_millis(0) > since).then_some(())).await;
    let post = write(&stack, &ada, text("One")).await;
    for n in 0..3 {
        drop(ada.patch(&stack, "posts", &at(&post), &text(&n.to_string())).await.expect(200));
    }
    let of = async |post: &Value| {
        let events = crate::support::events_of(&stack, post).await;
        events.iter().map(|event| event.sequence).collect::<Vec<_>>()
    };
    eventually("all are sent", async || (of(&post).await.len() == 4).then_some(())).await;
    let output = run(&stack, &["republish", "--since", &since.to_string()]).await;
    assert!(output.starts_with("4 events"), "{output}");
    eventually("all are sent again", async || (of(&post).await == [1, 2, 3, 4, 1, 2, 3, 4]).then_some(()))
        .await;
    assert_eq!(of(&before).await, [1]);
}
