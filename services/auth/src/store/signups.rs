//! Sign-ups that become accounts when their address is confirmed.

use sqlx::{PgConnection, PgExecutor};
use tracklore_platform::time::Timestamp;
use uuid::Uuid;

use super::one_time::Purpose;

/// Who wants an account.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Pending {
    /// Which sign-up.
    pub id: Uuid,
    /// As typed.
    pub username: String,
    /// Lower-cased.
    pub email: String,
    /// A PHC string.
    pub password_hash: String,
}

/// Keeps a sign-up.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    pending: &Pending,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO pending_signups (id, username, email, password_hash, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(pending.id)
    .bind(&pending.username)
    .bind(&pending.email)
    .bind(&pending.password_hash)
    .bind(now)
    .bind(now.plus(Purpose::VerifyEmail.lifetime()))
    .execute(executor)
    .await
    .map(drop)
}

/// The last sign-up with this address.
pub async fn last_with(
    executor: impl PgExecutor<'_>,
    email: &str,
    now: Timestamp,
) -> Result<Option<Pending>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, username, email, password_hash FROM pending_signups \
         WHERE email = $1 AND expires_at > $2 ORDER BY id DESC LIMIT 1",
    )
    .bind(email)
    .bind(now)
    .fetch_optional(executor)
    .await
}

/// Takes the sign-up, which is about to be an account, and all others with its address.
pub async fn take(connection: &mut PgConnection, id: Uuid) -> Result<Option<Pending>, sqlx::Error> {
    let taken: Option<Pending> = sqlx::query_as(
        "DELETE FROM pending_signups WHERE id = $1 RETURNING id, username, email, password_hash",
    )
    .bind(id)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(pending) = &taken {
        sqlx::query("DELETE FROM pending_signups WHERE email = $1")
            .bind(&pending.email)
            .execute(connection)
            .await?;
    }
    Ok(taken)
}
