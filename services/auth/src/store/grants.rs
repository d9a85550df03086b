//! What accounts were granted.

use sqlx::PgExecutor;
use tracklore_platform::{id::UserId, time::Timestamp};

/// The scopes of an account as they stand in tokens.
pub async fn scope(executor: impl PgExecutor<'_>, user: UserId) -> Result<String, sqlx::Error> {
    Ok(of(executor, user).await?.join(" "))
}

/// The scopes of an account, in order.
pub async fn of(executor: impl PgExecutor<'_>, user: UserId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT scope FROM grants WHERE user_id = $1 ORDER BY scope")
        .bind(user)
        .fetch_all(executor)
        .await
}

/// Grants a scope, whether it was granted already or not.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    user: UserId,
    scope: &str,
    by: Option<UserId>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO grants (user_id, scope, granted_at, granted_by) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(user)
    .bind(scope)
    .bind(now)
    .bind(by)
    .execute(executor)
    .await
    .map(drop)
}

/// Takes a scope away; whether it was there.
pub async fn delete(executor: impl PgExecutor<'_>, user: UserId, scope: &str) -> Result<bool, sqlx::Error> {
    let deleted = sqlx::query("DELETE FROM grants WHERE user_id = $1 AND scope = $2")
        .bind(user)
        .bind(scope)
        .execute(executor)
        .await?;
    Ok(deleted.rows_affected() > 0)
}

/// Whether an account that may be used has this scope.
pub async fn is_held(executor: impl PgExecutor<'_>, scope: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM grants JOIN users ON users.id = user_id WHERE scope = $1 AND status = 'active')",
    )
    .bind(scope)
    .fetch_one(executor)
    .await
}
