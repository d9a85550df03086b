//! Sessions in the database.

use sqlx::{PgConnection, PgExecutor};
use tracklore_platform::{event::Event, event::payload, id::UserId, outbox, time::Timestamp};
use uuid::Uuid;

use crate::{SERVICE, session::lineage::Lineage};

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
        }
    }
}

/// Keeps a new session.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    id: Uuid,
    user: UserId,
    lineage: &Lineage,
    wrapped_key: &[u8],
    user_agent: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO sessions (id, user_id, counter, wrapped_key, user_agent, created_at, last_used_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id)
    .bind(user)
    .bind(lineage.counter)
    .bind(wrapped_key)
    .bind(user_agent)
    .bind(lineage.created_at)
    .bind(lineage.last_used_at)
    .bind(lineage.expires_at)
    .execute(executor)
    .await
    .map(drop)
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

/// Ends a session and says so to all services; nothing happens when it has ended already.
pub async fn end(
    connection: &mut PgConnection,
    id: Uuid,
    reason: Reason,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let user: Option<UserId> = sqlx::query_scalar(
        "UPDATE sessions SET revoked_at = $2, revoked_reason = $3 WHERE id = $1 AND revoked_at IS NULL \
         RETURNING user_id",
    )
    .bind(id)
    .bind(now)
    .bind(reason.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    match user {
        Some(user) => publish(connection, id, user, reason, now).await,
        None => Ok(()),
    }
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

/// Forgets sessions that ended before `before`.
pub async fn forget(executor: impl PgExecutor<'_>, before: Timestamp) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM sessions WHERE expires_at < $1 OR revoked_at < $1")
        .bind(before)
        .execute(executor)
        .await?;
    Ok(done.rows_affected())
}
