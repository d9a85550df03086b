//! Accounts as administrators change them.

use sqlx::{PgConnection, PgExecutor};
use tracklore_platform::{id::UserId, time::Timestamp};

use super::accounts::Credentials;
use crate::account::{Account, Status};

#[derive(sqlx::FromRow)]
struct Changed {
    #[sqlx(flatten)]
    account: Account,
    sequence: i64,
}

/// The account, locked until the transaction ends; none when there is none or it was deleted.
pub async fn lock(connection: &mut PgConnection, id: UserId) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, username, email, email_verified, status, created_at FROM users \
         WHERE id = $1 AND status <> 'deleted' FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(connection)
    .await
}

/// Changes the status of a locked account; the account after it, and the number of the event to tell it with.
pub async fn set_status(
    connection: &mut PgConnection,
    id: UserId,
    status: Status,
    now: Timestamp,
) -> Result<(Account, i64), sqlx::Error> {
    let changed: Changed = sqlx::query_as(
        "UPDATE users SET status = $2, sequence = sequence + 1, updated_at = $3 WHERE id = $1 \
         RETURNING id, username, email, email_verified, status, created_at, sequence",
    )
    .bind(id)
    .bind(status)
    .bind(now)
    .fetch_one(connection)
    .await?;
    Ok((changed.account, changed.sequence))
}

/// Everybody who has this name or this (normalised) address: two at most.
pub async fn holders(
    executor: impl PgExecutor<'_>,
    username: &str,
    email: &str,
) -> Result<Vec<Credentials>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, username, email, email_verified, status, created_at, \
                NULLIF(password_hash, '!') AS password_hash FROM users \
         WHERE lower(username) = lower($1) OR email = $2",
    )
    .bind(username)
    .bind(email)
    .fetch_all(executor)
    .await
}

/// Waits until no other process makes the first administrator.
pub async fn lock_first_administrator(executor: impl PgExecutor<'_>) -> Result<(), sqlx::Error> {
    // "admin" in ASCII
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(0x61_646d_696e_i64).execute(executor).await.map(drop)
}
