//! Accounts in the database.

use sqlx::{PgConnection, PgExecutor};
use tracklore_platform::{database::violated_constraint, id::UserId, time::Timestamp};

use super::names;
use crate::{
    account::{Account, Status},
    session::proof::Proof,
};

/// Why an account wasn't made.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// The id was given out in this millisecond already: another one, please.
    #[error("id taken")]
    IdTaken,
    /// The name belongs to somebody.
    #[error("username taken")]
    UsernameTaken,
    /// The address belongs to somebody.
    #[error("e-mail taken")]
    EmailTaken,
    /// The database failed.
    #[error(transparent)]
    Database(sqlx::Error),
}

/// An account with its password's hash.
#[derive(sqlx::FromRow)]
pub struct Credentials {
    /// The account.
    #[sqlx(flatten)]
    pub account: Account,
    /// A PHC string; none when no password opens the account.
    pub password_hash: Option<String>,
}

/// An account to be made.
pub struct New<'a> {
    /// A new id.
    pub id: UserId,
    /// As typed.
    pub username: &'a str,
    /// Lower-cased.
    pub email: &'a str,
    /// Whether the owner of the address has confirmed it.
    pub email_verified: bool,
    /// A PHC string.
    pub password_hash: &'a str,
}

/// Makes an account; whatever is taken fails the transaction.
pub async fn insert(
    connection: &mut PgConnection,
    new: &New<'_>,
    now: Timestamp,
) -> Result<Account, InsertError> {
    let free = names::availability(connection, new.username, new.email, None, now).await;
    free.map_err(InsertError::Database)?.check()?;
    sqlx::query(
        "INSERT INTO users (id, username, email, email_verified, password_hash, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(new.id)
    .bind(new.username)
    .bind(new.email)
    .bind(new.email_verified)
    .bind(new.password_hash)
    .bind(now)
    .execute(connection)
    .await
    .map_err(taken)?;
    Ok(Account {
        id: new.id,
        username: new.username.to_owned(),
        email: new.email.to_owned(),
        email_verified: new.email_verified,
        status: Status::Active,
        created_at: now,
    })
}

/// What a violated constraint of the accounts means.
pub fn taken(error: sqlx::Error) -> InsertError {
    match violated_constraint(&error) {
        Some("users_pkey") => InsertError::IdTaken,
        Some("users_username") => InsertError::UsernameTaken,
        Some("users_email") => InsertError::EmailTaken,
        _ => InsertError::Database(error),
    }
}

/// The account that logs in as `login`, with this (normalised) address or this username. Usernames have no `@`.
pub async fn credentials(
    executor: impl PgExecutor<'_>,
    login: &str,
    email: &str,
) -> Result<Option<Credentials>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, username, email, email_verified, status, created_at, \
                NULLIF(password_hash, '!') AS password_hash FROM users \
         WHERE (lower(username) = lower($1) OR email = $2) AND status <> 'deleted'",
    )
    .bind(login)
    .bind(email)
    .fetch_optional(executor)
    .await
}

/// The account with this id, unless it is deleted.
pub async fn credentials_by_id(
    executor: impl PgExecutor<'_>,
    id: UserId,
) -> Result<Option<Credentials>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, username, email, email_verified, status, created_at, \
                NULLIF(password_hash, '!') AS password_hash FROM users WHERE id = $1 AND status <> 'deleted'",
    )
    .bind(id)
    .fetch_optional(executor)
    .await
}

/// The account as it is now, locked, if the password proven before is still its own. Changes of one account happen one
/// after the other, and none on the strength of a password that has just been replaced.
pub async fn lock_proven(
    connection: &mut PgConnection,
    proof: &Proof,
) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, username, email, email_verified, status, created_at FROM users \
         WHERE id = $1 AND password_hash = $2 AND status = 'active' FOR UPDATE",
    )
    .bind(proof.account.id)
    .bind(&proof.password_hash)
    .fetch_optional(connection)
    .await
}

/// The account as it is now, locked, if it may be used.
pub async fn lock(connection: &mut PgConnection, id: UserId) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, username, email, email_verified, status, created_at FROM users \
         WHERE id = $1 AND status = 'active' FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(connection)
    .await
}

/// The accounts with these ids, in the order of ids.
pub async fn by_ids(executor: impl PgExecutor<'_>, ids: &[i64]) -> Result<Vec<Account>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, username, email, email_verified, status, created_at FROM users \
         WHERE id = ANY($1) ORDER BY id",
    )
    .bind(ids)
    .fetch_all(executor)
    .await
}

/// The account with this id.
pub async fn by_id(executor: impl PgExecutor<'_>, id: UserId) -> Result<Option<Account>, sqlx::Error> {
    Ok(by_ids(executor, &[id.get()]).await?.pop())
}

/// The account with this name, in whatever case.
pub async fn by_username(
    executor: impl PgExecutor<'_>,
    username: &str,
) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, username, email, email_verified, status, created_at FROM users \
         WHERE lower(username) = lower($1)",
    )
    .bind(username)
    .fetch_optional(executor)
    .await
}

/// The account with this (normalised) address, unless it is deleted.
pub async fn by_email(executor: impl PgExecutor<'_>, email: &str) -> Result<Option<Account>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, username, email, email_verified, status, created_at FROM users \
         WHERE email = $1 AND status <> 'deleted'",
    )
    .bind(email)
    .fetch_optional(executor)
    .await
}

/// Puts `new` in the place of `old`, unless the password was changed meanwhile.
pub async fn replace_hash(
    executor: impl PgExecutor<'_>,
    id: UserId,
    old: &str,
    new: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
        .bind(id)
        .bind(old)
        .bind(new)
        .execute(executor)
        .await
        .map(drop)
}
