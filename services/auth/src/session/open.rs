//! Beginning a session, which a sign-up and a log-in both do.

use sqlx::PgConnection;
use tracklore_platform::{id::UserId, time::Timestamp};
use uuid::Uuid;

use super::{client::Client, key, lineage::Lineage, refresh_token};
use crate::{
    error::Error,
    routes::TokenPair,
    state::AppState,
    store::{
        audit::{self, Entry, What},
        sessions,
    },
    tokens::Access,
};

/// Keeps a new session of `user`, who has this `scope`, notes `what` began it, and gives its first tokens; `connection` is in
/// a transaction.
pub async fn session(
    state: &AppState,
    connection: &mut PgConnection,
    user: UserId,
    scope: &str,
    what: What,
    client: &Client,
    now: Timestamp,
) -> Result<TokenPair, Error> {
    let (id, key, lineage) = (Uuid::now_v7(), key::generate(), Lineage::start(now));
    let wrapped = state.key_wrap.wrap(id, &key)?;
    sessions::insert(&mut *connection, id, user, &lineage, &wrapped, client).await?;
    audit::append(connection, &Entry::of(user, what).session(id).by(client), now).await?;
    let access = Access { user, session: id, scope, auth_time: now, session_ends: lineage.expires_at };
    Ok(TokenPair::new(state.issuer.access(&access, now)?, refresh_token::issue(id, lineage.counter, &key)))
}
