//! Changes to accounts. Each takes the account's lock before (see [`super::accounts`]), so that events are numbered in
//! the order of their commits.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor};
use tracklore_platform::{id::UserId, outbox, time::Timestamp};

use super::{
    accounts::{InsertError, taken},
    names,
};
use crate::{
    SERVICE,
    account::{Account, Status, tombstone_name},
};

/// How long a new address waits for its owner's word.
pub const EMAIL_CHANGE: Duration = Duration::from_hours(24);

/// Gives the account another name and publishes it. The name before stays out of reach for a while.
pub async fn rename(
    connection: &mut PgConnection,
    account: &Account,
    username: &str,
    now: Timestamp,
) -> Result<Account, InsertError> {
    let free = names::availability(connection, username, &account.email, Some(account.id), now).await;
    free.map_err(InsertError::Database)?.check()?;
    let sequence: i64 = sqlx::query_scalar(
        "UPDATE users SET username = $2, sequence = sequence + 1, updated_at = $3 WHERE id = $1 RETURNING sequence",
    )
    .bind(account.id)
    .bind(username)
    .bind(now)
    .fetch_one(&mut *connection)
    .await
    .map_err(taken)?;
    if !username.eq_ignore_ascii_case(&account.username) {
        names::reserve(&mut *connection, &account.username, account.id, now)
            .await
            .map_err(InsertError::Database)?;
    }
    let renamed = Account { username: username.to_owned(), ..account.clone() };
    let event = renamed.event("tracklore.user.updated.v1", sequence, now);
    outbox::append(connection, SERVICE, &event).await.map_err(InsertError::Database)?;
    Ok(renamed)
}

/// Gives the account another password; `None` locks it until a link in a mail gives it one.
pub async fn set_password(
    executor: impl PgExecutor<'_>,
    user: UserId,
    hash: Option<&str>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE users SET password_hash = coalesce($2, '!'), updated_at = $3 WHERE id = $1")
        .bind(user)
        .bind(hash)
        .bind(now)
        .execute(executor)
        .await
        .map(drop)
}

/// Gives the account this address, which its owner has confirmed.
pub async fn set_email(
    executor: impl PgExecutor<'_>,
    user: UserId,
    email: &str,
    now: Timestamp,
) -> Result<(), InsertError> {
    sqlx::query("UPDATE users SET email = $2, email_verified = true, updated_at = $3 WHERE id = $1")
        .bind(user)
        .bind(email)
        .bind(now)
        .execute(executor)
        .await
        .map(drop)
        .map_err(taken)
}

/// Notes the address that the account shall have once it is confirmed; `None` forgets it.
pub async fn want_email(
    executor: impl PgExecutor<'_>,
    user: UserId,
    email: Option<&str>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let query = match email {
        None => sqlx::query("DELETE FROM email_changes WHERE user_id = $1").bind(user),
        Some(email) => sqlx::query(
            "INSERT INTO email_changes (user_id, email, created_at, expires_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (user_id) DO UPDATE SET email = EXCLUDED.email, \
                created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at",
        )
        .bind(user)
        .bind(email)
        .bind(now)
        .bind(now.plus(EMAIL_CHANGE)),
    };
    query.execute(executor).await.map(drop)
}

/// The address that the account shall have once it is confirmed.
pub async fn wanted_email(
    executor: impl PgExecutor<'_>,
    user: UserId,
    now: Timestamp,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT email FROM email_changes WHERE user_id = $1 AND expires_at > $2")
        .bind(user)
        .bind(now)
        .fetch_optional(executor)
        .await
}

/// Who wants this address, last of all.
pub async fn who_wants(
    executor: impl PgExecutor<'_>,
    email: &str,
    now: Timestamp,
) -> Result<Option<UserId>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT user_id FROM email_changes WHERE email = $1 AND expires_at > $2 ORDER BY created_at DESC LIMIT 1",
    )
    .bind(email)
    .bind(now)
    .fetch_optional(executor)
    .await
}

/// Empties the account of everything that is about a person and publishes that it is gone. The row stays, so that its
/// id means a deleted account for ever; its name is anybody's after a while.
pub async fn erase(
    connection: &mut PgConnection,
    account: &Account,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    names::reserve(&mut *connection, &account.username, account.id, now).await?;
    let name = tombstone_name(account.id);
    let sequence: i64 = sqlx::query_scalar(
        "UPDATE users SET username = $2, email = $2 || '@deleted.invalid', email_verified = false, \
            password_hash = '!', status = 'deleted', sequence = sequence + 1, updated_at = $3 \
         WHERE id = $1 RETURNING sequence",
    )
    .bind(account.id)
    .bind(&name)
    .bind(now)
    .fetch_one(&mut *connection)
    .await?;
    for statement in ["DELETE FROM email_changes WHERE user_id = $1", "DELETE FROM grants WHERE user_id = $1"]
    {
        sqlx::query(statement).bind(account.id).execute(&mut *connection).await?;
    }
    let gone = Account { username: name, status: Status::Deleted, ..account.clone() };
    outbox::append(connection, SERVICE, &gone.event("tracklore.user.deleted.v1", sequence, now)).await
}
