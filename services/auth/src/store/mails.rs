//! Mails that wait to be sent.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor};
use tracklore_platform::time::Timestamp;
use uuid::Uuid;

/// A mail that nobody else works on until its lease ends.
#[derive(sqlx::FromRow)]
pub struct Claimed {
    /// Which one.
    pub id: Uuid,
    /// `password-reset` and the like.
    pub kind: String,
    /// The encrypted content.
    pub sealed: Vec<u8>,
    /// How often somebody has begun to send it, this time included; also tells one lease from the next.
    pub attempts: i32,
    /// After this it is worth nothing any more.
    pub give_up_at: Timestamp,
}

/// A mail to be kept.
pub struct Waiting<'a> {
    /// A new id.
    pub id: Uuid,
    /// Kind and address, hashed.
    pub budget: [u8; 32],
    /// `password-reset` and the like.
    pub kind: &'a str,
    /// The encrypted content.
    pub sealed: &'a [u8],
    /// After this it is worth nothing any more.
    pub give_up_at: Timestamp,
}

/// How many mails of this kind this address was to get since `since`. Holds others that want to know the same back
/// until the caller's transaction ends.
pub async fn spent(
    connection: &mut PgConnection,
    budget: [u8; 32],
    since: Timestamp,
) -> Result<i64, sqlx::Error> {
    let (lock, _) = budget.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(i64::from_be_bytes(*lock))
        .execute(&mut *connection)
        .await?;
    sqlx::query_scalar("SELECT count(*) FROM mails WHERE budget = $1 AND created_at > $2")
        .bind(budget)
        .bind(since)
        .fetch_one(connection)
        .await
}

/// Keeps a mail within the caller's transaction.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    mail: &Waiting<'_>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO mails (id, budget, kind, sealed, created_at, next_attempt_at, give_up_at) \
         VALUES ($1, $2, $3, $4, $5, $5, $6)",
    )
    .bind(mail.id)
    .bind(mail.budget)
    .bind(mail.kind)
    .bind(mail.sealed)
    .bind(now)
    .bind(mail.give_up_at)
    .execute(executor)
    .await
    .map(drop)
}

/// A mail whose time has come, for as long as `lease`.
pub async fn claim(
    executor: impl PgExecutor<'_>,
    lease: Duration,
    now: Timestamp,
) -> Result<Option<Claimed>, sqlx::Error> {
    sqlx::query_as(
        "UPDATE mails SET attempts = attempts + 1, next_attempt_at = $2 \
         WHERE id = (SELECT id FROM mails WHERE done_at IS NULL AND next_attempt_at <= $1 \
                     ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED) \
         RETURNING id, kind, sealed, attempts, give_up_at",
    )
    .bind(now)
    .bind(now.plus(lease))
    .fetch_optional(executor)
    .await
}

/// Replaces the content of a claimed mail; false when its lease has gone to somebody else.
pub async fn replace(
    executor: impl PgExecutor<'_>,
    mail: &Claimed,
    sealed: &[u8],
) -> Result<bool, sqlx::Error> {
    let done =
        sqlx::query("UPDATE mails SET sealed = $3 WHERE id = $1 AND attempts = $2 AND done_at IS NULL")
            .bind(mail.id)
            .bind(mail.attempts)
            .bind(sealed)
            .execute(executor)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// A claimed mail is sent or given up: its content is erased, and only that it was there is kept for the budget.
pub async fn finish(
    executor: impl PgExecutor<'_>,
    mail: &Claimed,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE mails SET done_at = $3, sealed = NULL WHERE id = $1 AND attempts = $2")
        .bind(mail.id)
        .bind(mail.attempts)
        .bind(now)
        .execute(executor)
        .await
        .map(drop)
}

/// A claimed mail couldn't be sent and waits until `at`.
pub async fn postpone(
    executor: impl PgExecutor<'_>,
    mail: &Claimed,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE mails SET next_attempt_at = $3 WHERE id = $1 AND attempts = $2 AND done_at IS NULL")
        .bind(mail.id)
        .bind(mail.attempts)
        .bind(at)
        .execute(executor)
        .await
        .map(drop)
}
