//! Beginning a session, which a sign-up and a log-in both do.

use http::{HeaderMap, header};
use sqlx::PgConnection;
use tracklore_platform::{id::UserId, time::Timestamp};
use uuid::Uuid;

use super::{key, lineage::Lineage, refresh_token};
use crate::{
    error::Error,
    routes::TokenPair,
    state::AppState,
    store::{grants, sessions},
    tokens::Access,
};

/// Longer names of browsers are cut.
const MAX_USER_AGENT: usize = 400;

/// Keeps a new session of `user` and gives its first tokens; `connection` is in a transaction. Who was suspended in
/// this very moment has the wrong credentials.
pub async fn session(
    state: &AppState,
    connection: &mut PgConnection,
    user: UserId,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<TokenPair, Error> {
    let (id, key, lineage) = (Uuid::now_v7(), key::generate(), Lineage::start(now));
    let scope = grants::hold(&mut *connection, user).await?.ok_or(Error::InvalidCredentials)?;
    let wrapped = state.key_wrap.wrap(id, &key)?;
    let user_agent = user_agent(headers);
    sessions::insert(connection, id, user, &lineage, &wrapped, user_agent.as_deref()).await?;
    let access =
        Access { user, session: id, scope: &scope, auth_time: now, session_ends: lineage.expires_at };
    Ok(TokenPair::new(state.issuer.access(&access, now)?, refresh_token::issue(id, lineage.counter, &key)))
}

/// What the client calls itself, for its user to recognise it by.
fn user_agent(headers: &HeaderMap) -> Option<String> {
    let name = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(name.chars().take(MAX_USER_AGENT).collect())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_long_user_agent_is_cut_and_one_that_is_no_text_left_out() {
        let of = |value: &[u8]| {
            user_agent(&HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_bytes(value).unwrap())]))
        };
        assert_eq!(of(b"curl/8").as_deref(), Some("curl/8"));
        assert_eq!(of(&[b'x'; 1000]).unwrap().len(), MAX_USER_AGENT);
        assert_eq!(of(b"\xff\xfe"), None);
        assert_eq!(user_agent(&HeaderMap::new()), None);
    }
}
