//! The server that the feed is compared with: the same middleware, and an answer that is always the same.

use std::process::{Child, Command, Stdio};

use axum::{Router, http::header, routing::get};
use tokio::net::TcpListener;
use tracklore_platform::http;

/// How long its answer is. Its being set makes a process the server.
pub const SIZE: &str = "BENCH_CONSTANT_SIZE";

/// A running server; gone when dropped.
pub struct Constant {
    child: Child,
    port: u16,
}

impl Constant {
    /// Starts this program once more, as the server.
    pub fn start(size: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(SIZE, size.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Constant {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until the process is ended; says its port first.
pub async fn serve(size: usize) {
    let body = "x".repeat(size);
    let answer = async move || ([(header::CONTENT_TYPE, "application/json")], body.clone());
    let router = http::wrap(Router::new().route("/v1/feed/global", get(answer)), &[], 0);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    axum::serve(listener, router).await.unwrap();
}
