//! The tests' HTTP clients: `reqwest::Client::new` panics, because no TLS comes with it here.

use reqwest::{Client, ClientBuilder};
use tracklore_platform::https::{self, Trust};

/// A client for plain HTTP.
pub fn http() -> Client {
    http_builder().build().expect("a client")
}

/// The same, to be told more.
pub fn http_builder() -> ClientBuilder {
    https::builder(Trust::Nobody).expect("what TLS needs")
}
