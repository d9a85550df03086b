//! The tests' HTTP clients: `reqwest::Client::new` panics, because no TLS comes with it here.

use reqwest::{Client, ClientBuilder};
use tracklore_platform::https::{self, Trust};

use crate::Authority;

/// A client for plain HTTP.
pub fn http() -> Client {
    http_builder().build().expect("a client")
}

/// The same, to be told more.
pub fn http_builder() -> ClientBuilder {
    https::builder(Trust::Nobody).expect("what TLS needs")
}

/// The builder of a client that trusts servers whose certificates the authority has signed, and tells which one it was shown.
pub fn https_builder(authority: &Authority) -> ClientBuilder {
    https::builder(Trust::File(&authority.file())).expect("what TLS needs").tls_info(true)
}
