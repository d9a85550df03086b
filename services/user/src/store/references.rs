//! `auth_users`: who there is. News is merged under the row's lock, so the order of arrival doesn't matter.

use sqlx::{PgConnection, PgPool};
use tracklore_platform::id::UserId;

use crate::domain::{Reference, merge};

/// Takes in news of an account, from an event or from auth itself.
pub async fn learn(pool: &PgPool, news: Reference) -> Result<(), sqlx::Error> {
    // nearly always the account is new, or the news known: both without a lock
    let inserted = sqlx::query(
        "INSERT INTO auth_users (id, username, status, created_at, sequence, deleted_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
    )
    .bind(news.id)
    .bind(&news.username)
    .bind(news.status)
    .bind(news.created_at)
    .bind(news.sequence)
    .bind(news.deleted_at)
    .execute(pool)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(());
    }
    let mut tx = pool.begin().await?;
    let current: Reference = sqlx::query_as(
        "SELECT id, username, status, created_at, sequence, deleted_at FROM auth_users WHERE id = $1 \
         FOR NO KEY UPDATE",
    )
    .bind(news.id)
    .fetch_one(&mut *tx)
    .await?;
    if let Some(changed) = merge(&current, news) {
        update(&mut tx, &changed).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn update(connection: &mut PgConnection, reference: &Reference) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE auth_users SET username = $2, status = $3, created_at = $4, sequence = $5, deleted_at = $6 \
         WHERE id = $1",
    )
    .bind(reference.id)
    .bind(&reference.username)
    .bind(reference.status)
    .bind(reference.created_at)
    .bind(reference.sequence)
    .bind(reference.deleted_at)
    .execute(&mut *connection)
    .await?;
    if reference.is_tombstone() {
        // the tombstone stays, what the person wrote doesn't
        sqlx::query("DELETE FROM profiles WHERE user_id = $1").bind(reference.id).execute(connection).await?;
    }
    Ok(())
}

/// Locks the account's row for the rest of the transaction: changes of one profile come one after the other, and none
/// after the account's deletion. Read only after this, in a statement of its own, which then sees what went before.
pub async fn lock(connection: &mut PgConnection, id: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT FROM auth_users WHERE id = $1 FOR NO KEY UPDATE")
        .bind(id)
        .execute(connection)
        .await
        .map(drop)
}
