//! Postgres restored to an earlier time: when that is noticed, what is said then, and what is no such thing.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tracklore_testkit::{Stack, eventually};
use uuid::Uuid;

use crate::support::{at, count, events_of, follow, in_millis, stack, text, write};

const FOLLOWS: &str = "SELECT count(*) FROM follows WHERE following";
const WAITING: &str = "SELECT count(*) FROM outbox WHERE published_at IS NULL";

/// The numbers and texts that the log has of a post; null where it went.
async fn said(stack: &Stack, post: &Value) -> Vec<(i64, Value)> {
    let events = events_of(stack, post).await;
    let said = |event: &tracklore_platform::event::Received| {
        (event.sequence, event.payload::<Value>().unwrap()["text"].clone())
    };
    events.iter().map(said).collect()
}

/// Waits until this is what the log has of a post.
async fn wait_for(stack: &Stack, post: &Value, expected: &[(i64, Value)]) {
    let mut last = Vec::new();
    eventually(&format!("{expected:?} is said"), async || {
        last = said(stack, post).await;
        (last == expected).then_some(())
    })
    .await;
}

/// Waits until the database knows the log to its end.
async fn wait_for_positions(stack: &Stack) {
    eventually("the positions are at the ends", async || {
        let mut ends = BTreeMap::new();
        for record in stack.records("posts-events").await {
            ends.insert(record.partition, record.offset + 1);
        }
        let known: Vec<(i32, i64)> =
            sqlx::query_as("SELECT partition, next FROM outbox_positions WHERE next > 0")
                .fetch_all(&stack.database("posts"))
                .await
                .unwrap();
        (known.into_iter().collect::<BTreeMap<_, _>>() == ends).then_some(())
    })
    .await;
}

/// What a replica has said of a restored database.
fn alarms(stack: &Stack, replica: &str) -> Vec<String> {
    let lines = stack.log(replica);
    let messages =
        lines.iter().filter_map(|line| line["message"].as_str().or(line["fields"]["message"].as_str()));
    messages.filter(|message| message.contains("restored to an earlier time")).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_log_says_again_what_a_restored_database_says_once_whatever_is_running() {
    let mut stack = stack().await;
    stack.start_replica("posts-2").await;
    let ada = stack.sign_up("ada").await;
    let mut posts = Vec::new();
    for word in ["kept", "changed", "deleted"] {
        posts.push(write(&stack, &ada, text(word)).await);
    }
    let [kept, changed, deleted] = [&posts[0], &posts[1], &posts[2]];
    eventually("all are sent", async || (count(&stack, WAITING).await == 0).then_some(())).await;
    wait_for_positions(&stack).await;
    stack.back_up("posts").await;

    eventually("a write is taken again", async || {
        let answer = ada.patch(&stack, "posts", &at(changed), &text("later")).await;
        (answer.status == 200).then_some(())
    })
    .await;
    drop(ada.delete(&stack, "posts", &at(deleted)).await.expect(204));
    follow(&stack, (7, 8), true, 1).await;
    eventually("the follow is known", async || (count(&stack, FOLLOWS).await == 1).then_some(())).await;
    let lost = write(&stack, &ada, text("lost")).await;
    let lost_and_gone = write(&stack, &ada, text("lost and gone")).await;
    drop(ada.delete(&stack, "posts", &at(&lost_and_gone)).await.expect(204));
    eventually("all are sent", async || (count(&stack, WAITING).await == 0).then_some(())).await;

    stack.restore("posts").await;
    wait_for(&stack, changed, &[(1, json!("changed")), (2, json!("later")), (3, json!("changed"))]).await;
    wait_for(&stack, deleted, &[(1, json!("deleted")), (2, json!(null)), (3, json!("deleted"))]).await;
    wait_for(&stack, &lost, &[(1, json!("lost")), (2, json!(null))]).await;
    wait_for_positions(&stack).await;
    assert_eq!(said(&stack, &lost_and_gone).await, [(1, json!("lost and gone")), (2, json!(null))]);
    assert_eq!(said(&stack, kept).await, [(1, json!("kept"))]);

    // and what others said of users is known again
    eventually("the follow is known again", async || (count(&stack, FOLLOWS).await == 1).then_some(())).await;

    // whoever it was has said it once
    let alarms = [alarms(&stack, "posts"), alarms(&stack, "posts-2")].concat();
    assert!(
        matches!(&alarms[..], [alarm] if alarm.contains("2 of its aggregates were said again as they are, and 1")),
        "{alarms:?}"
    );
    let metrics = [stack.metrics("posts").await, stack.metrics("posts-2").await].concat();
    for (outcome, count) in [("there", 2), ("gone", 1)] {
        let line = metrics
            .lines()
            .find(|line| line.contains("tracklore_outbox_restated_total{") && line.contains(outcome));
        assert!(line.is_some_and(|line| line.ends_with(&format!(" {count}"))), "{line:?}");
    }
    // what is written later has higher numbers, and a restart finds all well
    drop(ada.patch(&stack, "posts", &at(changed), &text("last")).await.expect(200));
    stack.stop("posts-2").await;
    stack.start_replica("posts-2").await;
    wait_for_positions(&stack).await;
    assert_eq!(said(&stack, changed).await[3..], [(4, json!("last"))]);
    assert_eq!(said(&stack, kept).await.len(), 1);
}

#[tokio::test]
async fn what_is_written_before_the_restore_is_noticed_is_what_the_log_ends_with() {
    let mut stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let changed = write(&stack, &ada, text("first")).await;
    let deleted = write(&stack, &ada, text("first")).await;
    wait_for_positions(&stack).await;
    stack.stop("posts").await;
    stack.back_up("posts").await;
    stack.start("posts").await;
    for post in [&changed, &deleted] {
        drop(ada.patch(&stack, "posts", &at(post), &text("lost")).await.expect(200));
    }
    wait_for_positions(&stack).await;
    stack.stop("posts").await;
    stack.restore("posts").await;
    // as a request does that comes before anything was looked at
    let pool = stack.database("posts");
    sqlx::query("UPDATE posts SET text = 'after', version = 2, updated_at = now() WHERE id = $1::uuid")
        .bind(changed["id"].as_str())
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload, headers) \
         SELECT 'post', $1, 'tracklore.post.updated.v1', payload || '{\"text\": \"after\", \"version\": 2}', \
         headers || jsonb_build_object('ce_id', $2::text, 'ce_sequence', '2') FROM outbox WHERE aggregate_id = $1",
    )
    .bind(changed["id"].as_str())
    .bind(Uuid::now_v7().to_string())
    .execute(&pool)
    .await
    .unwrap();
    stack.start("posts").await;
    let last = async |post: &Value| said(&stack, post).await.into_iter().max_by_key(|(number, _)| *number);
    eventually("what was written is the newest", async || {
        (last(&changed).await == Some((3, json!("after")))).then_some(())
    })
    .await;
    eventually("the other is as it was", async || {
        (last(&deleted).await == Some((3, json!("first")))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn restarts_kills_events_sent_again_shorter_logs_new_partitions_and_strangers_are_no_restore() {
    let mut stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let post = write(&stack, &ada, text("One")).await;
    wait_for_positions(&stack).await;
    stack.kill("posts").await;
    // it died after it had sent, and before it could mark
    for statement in
        ["UPDATE outbox SET published_at = NULL", "UPDATE outbox_positions SET next = greatest(next - 1, 0)"]
    {
        sqlx::query(statement).execute(&stack.database("posts")).await.unwrap();
    }
    stack.start("posts").await;
    wait_for_positions(&stack).await;
    // the mark came, the position didn't: an older version was at work
    sqlx::query("UPDATE outbox_positions SET next = 0").execute(&stack.database("posts")).await.unwrap();
    wait_for_positions(&stack).await;
    // Kafka has lost its newest records
    sqlx::query("UPDATE outbox_positions SET next = next + 100")
        .execute(&stack.database("posts"))
        .await
        .unwrap();
    wait_for_positions(&stack).await;
    stack.grow("posts-events", 5).await;
    for n in 0..20 {
        drop(write(&stack, &ada, text(&n.to_string())).await);
    }
    wait_for_positions(&stack).await;
    let (ok, output) = stack.run("posts", &["republish", "--since", &in_millis(-60_000).to_string()]).await;
    assert!(ok, "{output}");
    stack.write_record("posts-events", "stranger", &[], None).await;
    stack.stop("posts").await;
    stack.start("posts").await;
    wait_for_positions(&stack).await;
    assert_eq!(alarms(&stack, "posts"), [""; 0]);
    let numbers: Vec<_> = said(&stack, &post).await.into_iter().map(|(number, _)| number).collect();
    assert!(numbers.iter().all(|number| *number == 1), "{numbers:?}");
}

#[tokio::test]
async fn a_database_that_has_never_published_takes_the_log_as_it_is() {
    let mut stack = Stack::new().await;
    let (id, name) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
    let headers = [
        ("ce_id", name.as_str()),
        ("ce_type", "tracklore.post.created.v1"),
        ("ce_subject", &id),
        ("ce_sequence", "1"),
        ("ce_time", "2026-11-20T09:30:00.000Z"),
    ];
    let payload = json!({"id": id, "author_id": 7, "visibility": "public"}).to_string();
    stack.write_record("posts-events", &id, &headers, Some(payload.as_bytes())).await;
    stack.start("auth").await;
    stack.start("posts").await;
    wait_for_positions(&stack).await;
    assert_eq!(alarms(&stack, "posts"), [""; 0]);
    assert_eq!(stack.records("posts-events").await.len(), 1);
    assert_eq!(count(&stack, "SELECT count(*) FROM outbox_positions").await, 2);
}
