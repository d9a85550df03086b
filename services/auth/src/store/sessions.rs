//! Sessions in the database.

use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use tracklore_platform::{event::Event, event::payload, id::UserId, outbox, time::Timestamp};
use utoipa::ToSchema;
use uuid::Uuid;

use super::audit::What;
use crate::{
    SERVICE,
    session::{client::Client, lineage::Lineage},
};

/// A session that is to begin.
pub struct New<'a> {
    /// Which one.
    pub id: Uuid,
    /// Whose.
    pub user: UserId,
    /// The hash of the password that was proven.
    pub password_hash: &'a str,
    /// Where it stands.
    pub lineage: &'a Lineage,
    /// The key of its refresh tokens, encrypted.
    pub wrapped_key: &'a [u8],
    /// Where it was begun.
    pub client: &'a Client,
}

/// A session and its key, as kept.
#[derive(sqlx::FromRow)]
pub struct Kept {
    /// Whose.
    pub user_id: UserId,
    /// The key of its refresh tokens, encrypted.
    pub wrapped_key: Vec<u8>,
    counter: i64,
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
    revoked: bool,
    /// Whether its user may use the account.
    pub user_active: bool,
    /// What its user was granted, as it stands in tokens.
    pub scope: String,
}

/// Why a session ends before its time; part of the event.
#[derive(Clone, Copy, Debug)]
pub enum Reason {
    /// The user said so.
    Logout,
    /// An old refresh token was used.
    RefreshTokenReuse,
    /// The account was suspended.
    Suspended,
    /// The account lost a scope that its tokens had.
    ScopeRevoked,
    /// The user ended it from another session.
    EndedByUser,
    /// The password was changed or reset.
    PasswordChanged,
    /// The owner of the address before took it back.
    EmailChangeUndone,
    /// There is no account any more.
    AccountDeleted,
}

/// A session as its user sees it.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct OwnSession {
    /// Which one.
    pub id: Uuid,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When its tokens were last refreshed.
    pub last_used_at: Timestamp,
    /// What the client called itself.
    #[schema(examples("Mozilla/5.0 (X11; Linux x86_64)"))]
    pub user_agent: Option<String>,
    /// Where the log-in came from.
    #[schema(examples("192.0.2.1"))]
    pub ip: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// All that is kept of a session, but for its key.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct KeptSession {
    id: Uuid,
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
    ended_at: Option<Timestamp>,
    ended_reason: Option<String>,
    user_agent: Option<String>,
    ip: Option<String>,
}

impl Kept {
    /// Where it stands.
    pub fn lineage(&self) -> Lineage {
        Lineage {
            counter: self.counter,
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            expires_at: self.expires_at,
            revoked: self.revoked,
        }
    }
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::RefreshTokenReuse => "refresh-token-reuse",
            Self::Suspended => "suspended",
            Self::ScopeRevoked => "scope-revoked",
            Self::EndedByUser => "ended-by-user",
            Self::PasswordChanged => "password-changed",
            Self::EmailChangeUndone => "email-change-undone",
            Self::AccountDeleted => "account-deleted",
        }
    }
}

/// Keeps a new session of `user` and an entry that says `what` began it, if the password of the account is still the one with this
/// hash and the account may be used; whether it was so. One statement: whoever changes the password or suspends the account comes
/// before it, and there is no session, or after it, and ends the session.
pub async fn begin(
    executor: impl PgExecutor<'_>,
    new: &New<'_>,
    what: What,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let begun = sqlx::query(
        "WITH account AS (SELECT id FROM users WHERE id = $2 AND password_hash = $3 AND status = 'active' FOR SHARE), \
         session AS ( \
            INSERT INTO sessions (id, user_id, counter, wrapped_key, user_agent, ip, created_at, last_used_at, expires_at) \
            SELECT $1, id, $4, $5, $6, $7::inet, $8, $9, $10 FROM account RETURNING id, user_id, ip, user_agent) \
         INSERT INTO account_events (id, user_id, type, session_id, ip, user_agent, occurred_at) \
         SELECT $11, user_id, $12, id, ip, user_agent, $13 FROM session",
    )
    .bind(new.id)
    .bind(new.user)
    .bind(new.password_hash)
    .bind(new.lineage.counter)
    .bind(new.wrapped_key)
    .bind(&new.client.user_agent)
    .bind(new.client.address.ip().to_string())
    .bind(new.lineage.created_at)
    .bind(new.lineage.last_used_at)
    .bind(new.lineage.expires_at)
    .bind(Uuid::now_v7())
    .bind(what.as_str())
    .bind(now)
    .execute(executor)
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// The session, locked: uses of its refresh tokens happen one after the other.
pub async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Kept>, sqlx::Error> {
    sqlx::query_as(
        "SELECT sessions.user_id, counter, wrapped_key, sessions.created_at, last_used_at, expires_at, \
                revoked_at IS NOT NULL AS revoked, users.status = 'active' AS user_active, \
                coalesce((SELECT string_agg(scope, ' ' ORDER BY scope) FROM grants \
                          WHERE grants.user_id = users.id), '') AS scope \
         FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id = $1 FOR UPDATE OF sessions",
    )
    .bind(id)
    .fetch_optional(connection)
    .await
}

/// Moves a locked session on.
pub async fn advance(executor: impl PgExecutor<'_>, id: Uuid, lineage: &Lineage) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE sessions SET counter = $2, last_used_at = $3, expires_at = $4 WHERE id = $1")
        .bind(id)
        .bind(lineage.counter)
        .bind(lineage.last_used_at)
        .bind(lineage.expires_at)
        .execute(executor)
        .await
        .map(drop)
}

/// Ends a session of `user` and says so to all services; false when there is none that runs.
pub async fn end(
    connection: &mut PgConnection,
    id: Uuid,
    user: UserId,
    reason: Reason,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let ended = sqlx::query(
        "UPDATE sessions SET revoked_at = $3, revoked_reason = $4 \
         WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3",
    )
    .bind(id)
    .bind(user)
    .bind(now)
    .bind(reason.as_str())
    .execute(&mut *connection)
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    publish(connection, id, user, reason, now).await?;
    Ok(true)
}

/// Ends all sessions of `user` but `except` and says so to all services; those that ended.
pub async fn end_all(
    connection: &mut PgConnection,
    user: UserId,
    except: Option<Uuid>,
    reason: Reason,
    now: Timestamp,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let ended: Vec<Uuid> = sqlx::query_scalar(
        "UPDATE sessions SET revoked_at = $3, revoked_reason = $4 \
         WHERE user_id = $1 AND id IS DISTINCT FROM $2 AND revoked_at IS NULL AND expires_at > $3 RETURNING id",
    )
    .bind(user)
    .bind(except)
    .bind(now)
    .bind(reason.as_str())
    .fetch_all(&mut *connection)
    .await?;
    for id in &ended {
        publish(connection, *id, user, reason, now).await?;
    }
    Ok(ended)
}

async fn publish(
    connection: &mut PgConnection,
    id: Uuid,
    user: UserId,
    reason: Reason,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let revoked = Event {
        aggregate_type: "session",
        aggregate_id: id.to_string(),
        r#type: "tracklore.session.revoked.v1",
        sequence: 1,
        occurred_at: now,
        payload: payload(&serde_json::json!({
            "session_id": id, "user_id": user, "revoked_at": now, "reason": reason.as_str()
        })),
    };
    outbox::append(connection, SERVICE, &revoked).await
}

/// The user's sessions that run, newest first, from before the session `before`; `current` is the one that asks.
pub async fn list(
    executor: impl PgExecutor<'_>,
    user: UserId,
    current: Uuid,
    before: Option<Uuid>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<OwnSession>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, created_at, last_used_at, user_agent, host(ip) AS ip, id = $2 AS current FROM sessions \
         WHERE user_id = $1 AND ($3::uuid IS NULL OR id < $3) AND revoked_at IS NULL AND expires_at > $4 \
         ORDER BY id DESC LIMIT $5",
    )
    .bind(user)
    .bind(current)
    .bind(before)
    .bind(now)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(executor)
    .await
}

/// All that is kept of the user's sessions, newest first: those that run, and those that ended lately.
pub async fn kept(
    executor: impl PgExecutor<'_>,
    user: UserId,
    limit: usize,
) -> Result<Vec<KeptSession>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, created_at, last_used_at, expires_at, revoked_at AS ended_at, revoked_reason AS ended_reason, \
                user_agent, host(ip) AS ip FROM sessions WHERE user_id = $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(user)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(executor)
    .await
}

/// Forgets all sessions of a user whose account is gone, after they have ended.
pub async fn erase(executor: impl PgExecutor<'_>, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(user).execute(executor).await.map(drop)
}

/// Whether the session of this user still runs, and the user may use the account.
pub async fn is_live(
    executor: impl PgExecutor<'_>,
    id: Uuid,
    user: UserId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM sessions JOIN users ON users.id = user_id \
         WHERE sessions.id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3 \
           AND users.status = 'active')",
    )
    .bind(id)
    .bind(user)
    .bind(now)
    .fetch_one(executor)
    .await
}
