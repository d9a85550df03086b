//! Many live connections that wait, and one post that all of them are told.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use tracklore_testkit::{Answer, Stack, load};

use crate::{memory, mib};

const CONNECTIONS: usize = 5_000;

/// Prints the lines.
pub async fn measure(stack: &Stack) {
    let (feed, url) = (stack.process_id("feed").unwrap(), stack.public_url("feed"));
    let ada = stack.sign_up("ada").await;
    let mut streams = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
        let request = b"GET /v1/feed/stream?scope=global HTTP/1.1\r\nhost: bench\r\n\r\n";
        stream.write_all(request).await.unwrap();
        read_until(&mut stream, "\n\n").await;
        streams.push(stream);
    }
    println!("{CONNECTIONS} streams");
    println!("  memory of feed, idle      {:8.1} MiB, wanted ≤ 60", memory(stack));
    load::forget_peak(feed);
    let post = ada.request(stack, Method::POST, "posts", "/v1/posts").json(&json!({"text": "for all"}));
    Answer::of(post).await.expect(201);
    let acknowledged = Instant::now();
    let mut waiting = JoinSet::new();
    for mut stream in streams {
        waiting.spawn(async move {
            read_until(&mut stream, "activity.created").await;
            acknowledged.elapsed()
        });
    }
    let mut times: Vec<Duration> = waiting.join_all().await;
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len() - 1)).unwrap();
    println!("  a post is told            {:8.1?} p50, {:.1?} p99 after it was acknowledged", at(50), at(99));
    println!("  most memory of feed       {:8.1} MiB meanwhile", mib(load::peak(feed)));
}

async fn read_until(stream: &mut TcpStream, word: &str) {
    let mut text = String::new();
    let mut piece = [0; 4096];
    while !text.contains(word) {
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "the stream ended: {text}");
        text.push_str(&String::from_utf8_lossy(piece.get(..read).unwrap()));
        // the head has a blank line of its own
        if let Some((_, body)) = text.split_once("\r\n\r\n") {
            text = body.to_owned();
        }
    }
}
