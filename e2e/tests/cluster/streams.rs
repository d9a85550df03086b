//! Live feeds through the gateway.

use std::time::Duration;

use reqwest::header;
use serde_json::json;
use tracklore_e2e::Person;

use crate::{client, name, shared_stack};

/// The next piece of the stream that contains `what`.
async fn wait_for(stream: &mut reqwest::Response, what: &str) -> String {
    let mut text = String::new();
    let arrival = tokio::time::timeout(Duration::from_mins(1), async {
        while let Some(chunk) = stream.chunk().await.unwrap() {
            text.push_str(&String::from_utf8_lossy(&chunk));
            if text.contains(what) {
                return true;
            }
        }
        false
    });
    assert!(arrival.await.unwrap(), "the stream ended without {what:?}: {text}");
    text
}

#[tokio::test]
async fn a_stream_outlasts_the_gateways_patience_with_requests_and_tells_a_post_at_once() {
    let client = client().await;
    let url = shared_stack(&client).await.url(&client).await;
    let mut jon = Person::sign_up(&url, &name("jon")).await;
    let path = format!("/v1/feed/stream?scope=user:{}", jon.id);
    let request = jon.request(reqwest::Method::GET, &path).timeout(Duration::from_mins(4));
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.headers()[header::CONTENT_TYPE], "text/event-stream");
    // a comment every 15 seconds keeps it open: after the second one it is older than any request may take
    for _ in 0..2 {
        wait_for(&mut stream, ":\n\n").await;
    }
    let post = jon.post("live").await;
    let told = wait_for(&mut stream, &post).await;
    assert!(told.contains("event: activity.created"), "{told}");
    assert!(told.contains(&json!(jon.username).to_string()), "{told}");
}
