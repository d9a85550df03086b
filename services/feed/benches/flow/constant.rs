//! The server that the feed is compared with: the same middleware, and an answer that is always the same.

use axum::{Router, http::header, routing::get};
use tokio::net::TcpListener;
use tracklore_platform::{health::Health, http};
use tracklore_testkit::Again;

/// How long its answer is. Its being set makes a process the server.
pub const SIZE: &str = "BENCH_CONSTANT_SIZE";

/// Starts it.
pub fn start(size: usize) -> Again {
    Again::start(&[(SIZE, &size.to_string())])
}

/// Serves until the process is ended; says its address first.
pub async fn serve(size: usize) {
    let body = "x".repeat(size);
    let answer = async move || ([(header::CONTENT_TYPE, "application/json")], body.clone());
    let router =
        http::wrap(Router::new().route("/v1/feed/global", get(answer)), &[], 0, Health::default().draining());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}
