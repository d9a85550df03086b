//! The program as its users run it, on a folder and on a real S3 server.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod copies;
mod place;
