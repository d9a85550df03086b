//! What every request can reach.

use std::{ops::Deref, sync::Arc};

use sqlx::PgPool;
use tracklore_platform::{
    outbox::Relay,
    time::Timestamp,
    token::{HasVerifier, Revoked, Verifier},
};
use uuid::Uuid;

use crate::{
    account::PasswordRules,
    clients::Clients,
    hasher::Hasher,
    keys::KeyRing,
    mail::{Mailbox, letters::Writer},
    session::key::KeyWrap,
    throttle::Throttle,
    tokens::Issuer,
};

/// The router's state: cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

/// The parts of the service.
pub struct Inner {
    /// The database.
    pub pool: PgPool,
    /// To be woken after events were written.
    pub relay: Relay,
    /// Passwords.
    pub hasher: Hasher,
    /// What passwords must be like.
    pub password_rules: PasswordRules,
    /// Slows down who fails.
    pub throttle: Throttle,
    /// Sessions that ended, as all services know them.
    pub revoked: Revoked,
    /// Keys of refresh tokens.
    pub key_wrap: KeyWrap,
    /// Where mails wait.
    pub mailbox: Mailbox,
    /// What is in them.
    pub writer: Writer,
    /// Whether an account can be used only after its address was confirmed.
    pub verification_required: bool,
    /// The other services.
    pub clients: Clients,
    /// Signs tokens.
    pub issuer: Issuer,
    /// Checks tokens.
    pub verifier: Verifier<KeyRing>,
    /// What tokens are signed with.
    pub keys: KeyRing,
}

impl AppState {
    /// Shares the parts.
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Call after a commit that wrote events or mails, so that they leave at once.
    pub fn wake(&self) {
        self.relay.wake();
        self.mailbox.wake();
    }

    /// Call after a commit that ended sessions, so that they are refused here before the word is around.
    pub fn ended(&self, sessions: impl IntoIterator<Item = Uuid>, now: Timestamp) {
        for session in sessions {
            self.revoked.insert(session, now);
        }
        self.wake();
    }
}

impl Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl HasVerifier for AppState {
    type Keys = KeyRing;

    fn verifier(&self) -> &Verifier<KeyRing> {
        &self.verifier
    }
}
