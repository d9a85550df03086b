//! What the handlers share.

use sqlx::PgPool;
use tracklore_platform::{
    outbox::Relay,
    token::{HasVerifier, RemoteKeys, Verifier},
};

use crate::directory::Directory;

/// One per process.
#[derive(Clone)]
pub struct AppState {
    /// Checks tokens.
    pub verifier: Verifier<RemoteKeys>,
    /// Finds profiles.
    pub directory: Directory,
    /// Where profiles are changed.
    pub pool: PgPool,
    /// Told when an event waits.
    pub relay: Relay,
}

impl HasVerifier for AppState {
    type Keys = RemoteKeys;

    fn verifier(&self) -> &Verifier<RemoteKeys> {
        &self.verifier
    }
}
