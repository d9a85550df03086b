//! Accounts in the database.

use sqlx::{PgConnection, PgExecutor};
use tracklore_platform::{database::violated_constraint, id::UserId, time::Timestamp};

use crate::account::{Account, Candidate, Status};

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
    /// A PHC string.
    pub password_hash: String,
}

/// Makes an account; whatever is taken fails the transaction.
pub async fn insert(
    connection: &mut PgConnection,
    id: UserId,
    candidate: &Candidate,
    password_hash: &str,
    now: Timestamp,
) -> Result<Account, InsertError> {
    sqlx::query(
        "INSERT INTO users (id, username, email, password_hash, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $5)",
    )
    .bind(id)
    .bind(&candidate.username)
    .bind(&candidate.email)
    .bind(password_hash)
    .bind(now)
    .execute(connection)
    .await
    .map_err(|error| match violated_constraint(&error) {
        Some("users_pkey") => InsertError::IdTaken,
        Some("users_username") => InsertError::UsernameTaken,
        Some("users_email") => InsertError::EmailTaken,
        _ => InsertError::Database(error),
    })?;
    Ok(Account {
        id,
        username: candidate.username.clone(),
        email: candidate.email.clone(),
        email_verified: false,
        status: Status::Active,
        created_at: now,
    })
}

/// The account that logs in as `login`, with this (normalised) address or this username. Usernames have no `@`.
pub async fn credentials(
    executor: impl PgExecutor<'_>,
    login: &str,
    email: &str,
) -> Result<Option<Credentials>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, username, email, email_verified, status, created_at, password_hash FROM users \
         WHERE lower(username) = lower($1) OR email = $2",
    )
    .bind(login)
    .bind(email)
    .fetch_optional(executor)
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
