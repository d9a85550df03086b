//! Trading a refresh token for the next pair.

use axum::{Json as JsonAnswer, extract::State, response::IntoResponse};
use secrecy::SecretString;
use serde::Deserialize;
use tracklore_platform::{extract::Json, problem::ProblemBody, time::Timestamp};
use utoipa::ToSchema;

use super::{NO_STORE, TokenPair};
use crate::{
    error::Error,
    responses::{Always, WithBody},
    session::{
        client::Client,
        lineage::Verdict,
        refresh_token::{self, Claimed},
    },
    state::AppState,
    store::{
        audit::{self, Entry, What},
        sessions::{self, Reason},
    },
    tokens::Access,
};

/// The refresh token received last.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// As it was received.
    #[schema(value_type = String, format = Password)]
    refresh_token: SecretString,
}

/// Refresh
///
/// A refresh token is good once. The last one again within 10 seconds (a lost answer, a second tab) gives the same
/// next one; any older one ends the session, because it must have been copied.
#[utoipa::path(
    post, path = "/v1/auth/refresh", tag = "auth",
    security(()),
    responses(
        (status = 200, description = "The next tokens", body = TokenPair),
        (status = 401, description = "`invalid-refresh-token`: log in again",
         body = ProblemBody, content_type = "application/problem+json"),
        WithBody, Always,
    )
)]
pub async fn refresh(
    State(state): State<AppState>,
    client: Client,
    Json(body): Json<Refresh>,
) -> Result<impl IntoResponse, Error> {
    let claimed = refresh_token::parse(&body.refresh_token).ok_or(Error::InvalidRefreshToken)?;
    let tokens =
        follow(&state, &claimed, &client, Timestamp::now()).await?.ok_or(Error::InvalidRefreshToken)?;
    Ok((NO_STORE, JsonAnswer(tokens)))
}

/// The next tokens, or none. None is no failure here: the end of a session is to be kept, not rolled back.
async fn follow(
    state: &AppState,
    claimed: &Claimed,
    client: &Client,
    now: Timestamp,
) -> Result<Option<TokenPair>, Error> {
    let session = claimed.session;
    let mut tx = state.pool.begin().await?;
    let Some(kept) = sessions::lock(&mut tx, session).await? else { return Ok(None) };
    let key = match state.key_wrap.unwrap(session, &kept.wrapped_key) {
        Ok(key) if claimed.is_genuine(&key) => key,
        Ok(_) => return Ok(None),
        Err(error) => {
            tracing::error!(%session, %error, "session can't go on");
            return Ok(None);
        }
    };
    if !kept.user_active {
        return Ok(None);
    }
    let mut session_ends = kept.lineage().expires_at;
    let counter = match kept.lineage().judge(claimed.counter, now) {
        Verdict::Rotate(next) => {
            sessions::advance(&mut *tx, session, &next).await?;
            session_ends = next.expires_at;
            next.counter
        }
        Verdict::Repeat => kept.lineage().counter,
        Verdict::Refuse => return Ok(None),
        Verdict::End => {
            tracing::warn!(%session, user = %kept.user_id, "an old refresh token was used: the session ends");
            sessions::end(&mut tx, session, kept.user_id, Reason::RefreshTokenReuse, now).await?;
            let entry = Entry::of(kept.user_id, What::RefreshTokenReused).session(session).by(client);
            audit::append(&mut tx, &entry, now).await?;
            tx.commit().await?;
            state.ended([session], now);
            return Ok(None);
        }
    };
    tx.commit().await?;
    let auth_time = kept.lineage().created_at;
    let access = Access { user: kept.user_id, session, scope: &kept.scope, auth_time, session_ends };
    Ok(Some(TokenPair::new(state.issuer.access(&access, now)?, refresh_token::issue(session, counter, &key))))
}
