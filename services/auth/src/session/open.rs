//! Beginning a session, which a sign-up and a log-in both do.

use sqlx::PgExecutor;
use tracklore_platform::{id::UserId, time::Timestamp};
use uuid::Uuid;

use super::{
    client::Client,
    key::{self, SessionKey},
    lineage::Lineage,
    refresh_token,
};
use crate::{
    error::Error,
    routes::TokenPair,
    state::AppState,
    store::{
        audit::What,
        sessions::{self, New},
    },
    tokens::Access,
};

/// A session that has begun and has no tokens yet.
pub struct Opened {
    id: Uuid,
    user: UserId,
    key: SessionKey,
    lineage: Lineage,
}

/// Keeps a new session of `user`, whose password was proven to be the one with this hash, and notes `what` began it. None when
/// that doesn't hold any more, or the account may not be used.
pub async fn session(
    state: &AppState,
    executor: impl PgExecutor<'_>,
    (user, password_hash): (UserId, &str),
    what: What,
    client: &Client,
    now: Timestamp,
) -> Result<Option<Opened>, Error> {
    let (id, key, lineage) = (Uuid::now_v7(), key::generate(), Lineage::start(now));
    let wrapped_key = state.key_wrap.wrap(id, &key)?;
    let new = New { id, user, password_hash, lineage: &lineage, wrapped_key: &wrapped_key, client };
    let begun = sessions::begin(executor, &new, what, now).await?;
    Ok(begun.then_some(Opened { id, user, key, lineage }))
}

impl Opened {
    /// Its first tokens. `scope` is read after the session is kept: who takes one away later ends the session.
    pub fn tokens(&self, state: &AppState, scope: &str, now: Timestamp) -> Result<TokenPair, Error> {
        let Self { id, user, key, lineage } = self;
        let access =
            Access { user: *user, session: *id, scope, auth_time: now, session_ends: lineage.expires_at };
        Ok(TokenPair::new(
            state.issuer.access(&access, now)?,
            refresh_token::issue(*id, lineage.counter, key),
        ))
    }
}
