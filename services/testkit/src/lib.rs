//! Runs the real services as processes on free ports, against real Postgres, Redis and Kafka, for integration tests.
//!
//! ```no_run
//! # async fn test() {
//! let mut stack = tracklore_testkit::Stack::new().await;
//! stack.start("auth").await;
//! stack.start("posts").await;
//! let ada = stack.sign_up("ada").await;
//! let answer = ada.post(&stack, "posts", "/v1/posts", &serde_json::json!({"text": "Hello"})).await;
//! assert_eq!(answer.status, 201);
//! # }
//! ```
//!
//! Every [`Stack`] has databases, a topic prefix and a Redis database number of its own, so tests run side by side.
//! The servers come from `make test-integration` (or `e2e/scripts/deps.sh up test`), which set the `TRACKLORE_TEST_…`
//! variables; the programs are those beside the test binary in the target folder.
#![expect(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "tests fail loudly")]

mod again;
pub mod api;
mod authority;
mod cache;
mod client;
mod collector;
mod database;
mod events;
mod exposition;
mod forge;
mod http;
pub mod ledger;
pub mod load;
mod mail;
pub mod matrix;
mod process;
mod proxy;
pub mod schemas;
mod stack;

use std::time::Duration;

pub use again::{Again, Counted};
pub use authority::{Authority, Mounted};
pub use cache::Cache;
pub use client::{Account, Answer};
pub use collector::{Collector, SeenSpan};
pub use exposition::undocumented;
pub use http::{http, http_builder, https_builder};
pub use mail::Mail;
pub use proxy::{Fault, Proxy};
pub use stack::{Stack, free_ports};
use tokio::time::{Instant, sleep};

/// How long a condition may take to come true; generous, because machines are busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` gives something, or fails the test with `what` was waited for.
pub async fn eventually<T>(what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, condition).await
}

/// [`eventually`] with another patience.
pub async fn eventually_within<T>(
    patience: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(started.elapsed() < patience, "waited {patience:?} in vain until {what}");
        // who can wait for minutes needn't ask all the time
        sleep((patience / 600).max(Duration::from_millis(50))).await;
    }
}

/// A setting of the test run.
fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} isn't set. Run `make test-integration`, or start the servers yourself:\n  \
                e2e/scripts/deps.sh up test && export $(e2e/scripts/deps.sh env test)"
        )
    })
}
