//! `auth_users`: who there is. News is merged under the row's lock, so the order of arrival doesn't matter.
//!
//! The lock order of this service, which keeps transactions from waiting in a circle: accounts by ascending id, then
//! pairs, then counts by ascending id; a badge before its awards, awards by ascending user.

use std::collections::HashMap;

use sqlx::{PgConnection, PgExecutor, PgPool};
use tracklore_platform::{id::UserId, time::Timestamp};

use super::erasure;
use crate::domain::{Reference, Status, merge};

/// How the accounts stand whose rows this transaction has locked.
#[derive(Debug)]
pub struct Locked(HashMap<UserId, Status>);

impl Locked {
    /// Whether the account is in use.
    pub fn is_active(&self, id: UserId) -> bool {
        self.0.get(&id) == Some(&Status::Active)
    }

    /// Whether the account is deleted.
    pub fn is_deleted(&self, id: UserId) -> bool {
        self.0.get(&id) == Some(&Status::Deleted)
    }
}

/// Takes in news of an account, from an event or from auth itself.
pub async fn learn(pool: &PgPool, news: Reference) -> Result<(), sqlx::Error> {
    // nearly always the account is new, or the news known: both without a lock
    if !news.is_tombstone() && insert(pool, &news).await? {
        return Ok(());
    }
    let mut tx = pool.begin().await?;
    let is_new = insert(&mut *tx, &news).await?;
    let current: Reference = sqlx::query_as(
        "SELECT id, username, status, created_at, sequence, deleted_at FROM auth_users WHERE id = $1 \
         FOR NO KEY UPDATE",
    )
    .bind(news.id)
    .fetch_one(&mut *tx)
    .await?;
    let deletes = news.is_tombstone() && (is_new || !current.is_tombstone());
    let (id, at) = (news.id, news.deleted_at.unwrap_or_else(Timestamp::now));
    let changed = merge(&current, news);
    if let Some(changed) = &changed {
        update(&mut tx, changed).await?;
    }
    if deletes {
        // the tombstone stays, what the person wrote doesn't
        erasure::erase(&mut tx, id, at).await?;
    }
    if is_new || changed.is_some() {
        tx.commit().await?;
    }
    Ok(())
}

/// Whether the row is new.
async fn insert(executor: impl PgExecutor<'_>, news: &Reference) -> Result<bool, sqlx::Error> {
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
    .execute(executor)
    .await?;
    Ok(inserted.rows_affected() == 1)
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
    .execute(connection)
    .await
    .map(drop)
}

/// How the account stands, if anything is known of it.
pub async fn status(pool: &PgPool, id: UserId) -> Result<Option<Status>, sqlx::Error> {
    sqlx::query_scalar("SELECT status FROM auth_users WHERE id = $1").bind(id).fetch_optional(pool).await
}

/// Locks the accounts' rows for the rest of the transaction: changes of what belongs to one account come one after the
/// other, and none after its deletion. Read only after this, in a statement of its own, which then sees what went before.
pub async fn lock(connection: &mut PgConnection, ids: &[UserId]) -> Result<Locked, sqlx::Error> {
    let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
    let rows: Vec<(UserId, Status)> =
        sqlx::query_as("SELECT id, status FROM auth_users WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE")
            .bind(ids)
            .fetch_all(connection)
            .await?;
    Ok(Locked(rows.into_iter().collect()))
}
