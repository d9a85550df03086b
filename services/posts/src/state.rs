//! What every handler has.

use sqlx::PgPool;
use tracklore_platform::{
    outbox::Relay,
    token::{HasVerifier, RemoteKeys, Verifier},
};

/// The state of the router.
#[derive(Clone)]
pub struct AppState {
    /// The service's database.
    pub pool: PgPool,
    /// Takes events to Kafka; woken after each commit.
    pub relay: Relay,
    /// Checks access tokens.
    pub verifier: Verifier<RemoteKeys>,
}

impl HasVerifier for AppState {
    type Keys = RemoteKeys;

    fn verifier(&self) -> &Verifier<RemoteKeys> {
        &self.verifier
    }
}
