//! The posts' Postgres restored to an earlier time: lists, streams and a rebuilt read model show what it has.

use reqwest::Response;
use serde_json::{Value, json};
use tracklore_testkit::{Account, Stack, eventually};

use crate::events::empty_stack;

async fn write(stack: &Stack, author: &Account, text: &str) -> Value {
    author.post(stack, "posts", "/v1/posts", &json!({"text": text})).await.expect(201).json
}

fn at(post: &Value) -> String {
    format!("/v1/posts/{}", post["id"].as_str().unwrap())
}

/// Waits until the global list and the author's show posts with these texts.
async fn wait_for(stack: &Stack, author: &Account, texts: &[&str]) {
    for path in ["/v1/feed/global".to_owned(), format!("/v1/feed/users/{}", author.id)] {
        eventually(&format!("{path} shows {texts:?}"), async || {
            let page = stack.get("feed", &path).await;
            assert!([200, 503].contains(&page.status), "{}", page.status);
            let items = page.json["items"].as_array()?;
            items
                .iter()
                .map(|item| item["post"]["text"].as_str().unwrap())
                .eq(texts.iter().copied())
                .then_some(())
        })
        .await;
    }
}

/// Waits until the stream has told of the post with this event; what it told until then.
async fn wait_for_event(stream: &mut Response, told: &mut String, event: &str, post: &Value) {
    let id = post["id"].as_str().unwrap();
    let is_told = |told: &str| {
        told.split("\n\n").any(|block| block.contains(&format!("event: {event}")) && block.contains(id))
    };
    while !is_told(told) {
        let piece = tokio::time::timeout(std::time::Duration::from_mins(1), stream.chunk()).await;
        told.push_str(std::str::from_utf8(&piece.unwrap().unwrap().unwrap()).unwrap());
    }
}

#[tokio::test]
async fn lists_streams_and_rebuilt_models_follow_a_restored_database() {
    let mut stack = empty_stack().await;
    for service in ["auth", "user", "posts", "feed"] {
        stack.start(service).await;
    }
    let ada = stack.sign_up("ada").await;
    let kept = write(&stack, &ada, "kept").await;
    let changed = write(&stack, &ada, "changed").await;
    let deleted = write(&stack, &ada, "deleted").await;
    wait_for(&stack, &ada, &["deleted", "changed", "kept"]).await;
    let known = "SELECT sum(next)::bigint FROM outbox_positions";
    eventually("the database knows the log", async || {
        let sum: Option<i64> = sqlx::query_scalar(known).fetch_one(&stack.database("posts")).await.unwrap();
        (sum == Some(3)).then_some(())
    })
    .await;
    stack.back_up("posts").await;

    eventually("posts writes again", async || {
        let answer = ada.patch(&stack, "posts", &at(&changed), &json!({"text": "later"})).await;
        (answer.status == 200).then_some(())
    })
    .await;
    drop(ada.patch(&stack, "posts", &at(&changed), &json!({"text": "still later"})).await.expect(200));
    drop(ada.delete(&stack, "posts", &at(&deleted)).await.expect(204));
    let lost = write(&stack, &ada, "lost").await;
    wait_for(&stack, &ada, &["lost", "still later", "kept"]).await;
    let url = format!("{}/v1/feed/stream?scope=global", stack.public_url("feed"));
    let open = async || reqwest::get(&url).await.ok().filter(|answer| answer.status() == 200);
    let (mut stream, mut told) = (eventually("the stream opens", open).await, String::new());

    stack.restore("posts").await;
    let restored = std::time::Instant::now();
    wait_for(&stack, &ada, &["deleted", "changed", "kept"]).await;
    println!("the lists are right {:?} after the restore", restored.elapsed());
    wait_for_event(&mut stream, &mut told, "activity.updated", &changed).await;
    wait_for_event(&mut stream, &mut told, "activity.created", &deleted).await;
    wait_for_event(&mut stream, &mut told, "activity.removed", &lost).await;
    assert!(!told.contains(kept["id"].as_str().unwrap()), "{told}");

    drop(ada.patch(&stack, "posts", &at(&changed), &json!({"text": "last"})).await.expect(200));
    drop(write(&stack, &ada, "new").await);
    let last = ["new", "deleted", "last", "kept"];
    wait_for(&stack, &ada, &last).await;
    let (ok, output) = stack.run("feed", &["rebuild"]).await;
    assert!(ok, "{output}");
    wait_for(&stack, &ada, &last).await;
}
