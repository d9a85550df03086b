//! What requests work with.

use tracklore_platform::token::{HasVerifier, RemoteKeys, Verifier};

use crate::{progress::Progress, redis::Redis};

/// Shared by all requests.
#[derive(Clone)]
pub struct AppState {
    /// The read model.
    pub redis: Redis,
    /// How complete it is.
    pub progress: Progress,
    /// Checks tokens.
    pub verifier: Verifier<RemoteKeys>,
}

impl HasVerifier for AppState {
    type Keys = RemoteKeys;

    fn verifier(&self) -> &Verifier<RemoteKeys> {
        &self.verifier
    }
}
