//! Live feeds through the gateway.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::header;
use serde_json::{Value, json};
use tokio_tungstenite::{connect_async, tungstenite::Message};
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

#[tokio::test]
async fn a_web_socket_through_the_gateway_outlasts_its_patience_and_tells_a_post_at_once() {
    let client = client().await;
    let url = shared_stack(&client).await.url(&client).await;
    let mut jon = Person::sign_up(&url, &name("jon")).await;
    let (mut socket, _) =
        connect_async(format!("{}/v1/feed/ws", url.replace("http://", "ws://"))).await.unwrap();
    let login = json!({"token": jon.login().token});
    socket.send(Message::Text(login.to_string().into())).await.unwrap();
    socket
        .send(Message::Text(json!({"subscribe": [format!("user:{}", jon.id)]}).to_string().into()))
        .await
        .unwrap();
    let mut post = None;
    let told = tokio::time::timeout(Duration::from_mins(2), async {
        let mut pings = 0;
        loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Text(text) => {
                    let told: Value = serde_json::from_str(&text).unwrap();
                    if told["event"] == "activity.created" {
                        return told;
                    }
                }
                // one comes every 15 seconds
                Message::Ping(_) => pings += 1,
                other => unreachable!("{other:?}"),
            }
            if pings == 2 && post.is_none() {
                post = Some(jon.post("live").await);
            }
        }
    });
    let told = told.await.unwrap();
    assert!(told.to_string().contains(post.as_deref().unwrap()), "{told}");
}
