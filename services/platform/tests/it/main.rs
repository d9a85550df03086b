//! What the services share, over real connections.
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

mod calls;
mod schema;
mod tls;
