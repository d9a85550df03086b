//! The HTTP client for calls among the services, and whom it believes.

pub use reqwest::Client as HttpClient;
use tracklore_telemetry::https::{self, HttpsError, Trust};

use super::CONNECT_TIMEOUT;
use crate::args::TrustArgs;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The file of authorities is no good.
    #[error(
        "TRACKLORE_INTERNAL_CA_FILE isn't right: name a file with the certificates, in PEM, of who signs the other \
         services' internal APIs"
    )]
    Authority(#[source] HttpsError),
    /// It can't be made.
    #[error("no HTTP client can be made")]
    Client(#[from] reqwest::Error),
}

impl TrustArgs {
    /// A client for the other services' internal APIs; share one per process. It has no deadline of its own.
    pub fn client(&self) -> Result<HttpClient, HttpError> {
        let trust = self.internal_ca_file.as_deref().map_or(Trust::System, Trust::File);
        let builder = https::builder(trust).map_err(HttpError::Authority)?;
        Ok(builder.connect_timeout(CONNECT_TIMEOUT).build()?)
    }
}
