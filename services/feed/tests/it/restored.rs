//! The posts' Postgres restored to an earlier time: lists, streams and a rebuilt read model show what it has.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tracklore_testkit::{Account, Answer, Stack, eventually};

use crate::events::empty_stack;

/// Answers to a writer between two things that happen to the database: as many as some seconds bring.
const MUCH: usize = 25;

async fn write(stack: &Stack, author: &Account, text: &str) -> Value {
    author.post(stack, "posts", "/v1/posts", &json!({"text": text})).await.expect(201).json
}

fn at(post: &Value) -> String {
    format!("/v1/posts/{}", post["id"].as_str().unwrap())
}

/// How many records of the log the posts' database knows.
async fn known(stack: &Stack) -> Option<i64> {
    sqlx::query_scalar("SELECT sum(next)::bigint FROM outbox_positions")
        .fetch_one(&stack.database("posts"))
        .await
        .unwrap()
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
        let piece = timeout(Duration::from_mins(1), stream.chunk()).await;
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
    eventually("the database knows the log", async || (known(&stack).await == Some(3)).then_some(())).await;
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
    let (http, url) =
        (tracklore_testkit::http(), format!("{}/v1/feed/stream?scope=global", stack.public_url("feed")));
    let open = async || http.get(&url).send().await.ok().filter(|answer| answer.status() == 200);
    let (mut stream, mut told) = (eventually("the stream opens", open).await, String::new());

    stack.restore("posts").await;
    let restored = Instant::now();
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

/// Somebody who writes, changes and deletes posts.
struct Writer {
    task: JoinHandle<()>,
    /// How many answers were good.
    good: Arc<AtomicUsize>,
}

/// Waits until each of them has written a good deal more.
async fn much_is_written(writers: &[Writer]) {
    let good = |writer: &Writer| writer.good.load(Ordering::Relaxed);
    let before: Vec<_> = writers.iter().map(good).collect();
    eventually("everybody goes on writing", async || {
        writers.iter().zip(&before).all(|(writer, before)| good(writer) > before + MUCH).then_some(())
    })
    .await;
}

/// Somebody who writes at `url` until told to stop, whatever the answers are.
fn busy(http: reqwest::Client, url: String, author: Account, stop: CancellationToken) -> Writer {
    let good = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&good);
    let task = tokio::spawn(async move {
        let mut posts = Vec::<String>::new();
        for n in 0.. {
            let text = json!({"text": n.to_string()});
            let (method, path) = match posts.get(n % posts.len().max(1)) {
                Some(post) if n % 7 == 6 => (Method::DELETE, format!("{url}/{post}")),
                Some(post) if n % 3 > 0 => (Method::PATCH, format!("{url}/{post}")),
                _ => (Method::POST, url.clone()),
            };
            let request = http.request(method, path).bearer_auth(&author.access_token).json(&text);
            // there is none while the database is away
            if let Ok(Ok(answer)) = timeout(Duration::from_secs(5), request.send()).await {
                counted.fetch_add(usize::from(answer.status().is_success()), Ordering::Relaxed);
                let created = answer.status() == 201;
                if let (true, Ok(post)) = (created, answer.json::<Value>().await) {
                    posts.extend(post["id"].as_str().map(str::to_owned));
                }
            }
            if stop.is_cancelled() {
                break;
            }
        }
    });
    Writer { task, good }
}

/// What the posts' database has, newest first: texts and versions.
async fn stored(stack: &Stack) -> Vec<(String, i64)> {
    sqlx::query_as("SELECT text, version FROM posts ORDER BY created_at DESC, id DESC LIMIT 100")
        .fetch_all(&stack.database("posts"))
        .await
        .unwrap()
}

/// Waits until the global list is what the posts' database has.
async fn wait_for_what_is_stored(stack: &Stack) {
    let stored = stored(stack).await;
    let shown = |page: Answer| -> Option<Vec<(String, i64)>> {
        let posts = page.json["items"].as_array()?.iter().map(|item| &item["post"]);
        posts.map(|post| Some((post["text"].as_str()?.to_owned(), post["version"].as_i64()?))).collect()
    };
    eventually("the list is what is stored", async || {
        let page = stack.get("feed", "/v1/feed/global?limit=100").await;
        (shown(page)? == stored).then_some(())
    })
    .await;
}

#[tokio::test]
async fn people_who_go_on_writing_while_the_database_goes_back_find_their_posts_in_the_feed() {
    let mut stack = empty_stack().await;
    for service in ["auth", "user", "posts", "feed"] {
        stack.start(service).await;
    }
    stack.start_replica("posts-2").await;
    let (stop, http) = (CancellationToken::new(), tracklore_testkit::http());
    let mut writers = Vec::new();
    for (n, replica) in ["posts", "posts-2", "posts", "posts-2"].into_iter().enumerate() {
        let author = stack.sign_up(&format!("ada{n}")).await;
        let url = format!("{}/v1/posts", stack.public_url(replica));
        writers.push(busy(http.clone(), url, author, stop.clone()));
    }
    for restore in [false, true, true] {
        much_is_written(&writers).await;
        if restore {
            stack.restore("posts").await;
        } else {
            stack.back_up("posts").await;
        }
    }
    much_is_written(&writers).await;
    stop.cancel();
    for writer in writers {
        writer.task.await.unwrap();
        assert!(writer.good.load(Ordering::Relaxed) > 10);
    }
    // versions may still be raised
    let restated = async || {
        let metrics = [stack.metrics("posts").await, stack.metrics("posts-2").await].concat();
        metrics.contains("tracklore_outbox_restated_total{").then_some(())
    };
    eventually("it was noticed", restated).await;
    eventually("the database knows the log", async || {
        let records = i64::try_from(stack.records("posts-events").await.len()).unwrap();
        (known(&stack).await == Some(records)).then_some(())
    })
    .await;
    wait_for_what_is_stored(&stack).await;
    let (ok, output) = stack.run("feed", &["rebuild"]).await;
    assert!(ok, "{output}");
    wait_for_what_is_stored(&stack).await;
}
