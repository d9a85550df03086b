//! Accounts as events, from the tables: the present state of each under the sequence that it was published with, so who
//! has seen it skips it.
//!
//! Accounts are taken in batches, each locked while its events are written: nothing that changes meanwhile can be
//! overtaken by its own past, which in a compacted topic would be the last word.

use sqlx::PgPool;
use tracklore_platform::{event::Event, id::UserId, outbox, time::Timestamp};

use crate::{
    SERVICE,
    account::{Account, Status},
};

/// Accounts of a transaction.
const BATCH: i64 = 200;

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    account: Account,
    sequence: i64,
    updated_at: Timestamp,
}

/// Writes the events of the next batch of accounts after `after` into the outbox, of those that changed at or after
/// `since`; the last account of the batch and the number of events, `None` when there are no more accounts.
pub async fn batch(
    pool: &PgPool,
    after: Option<UserId>,
    since: Timestamp,
) -> Result<Option<(UserId, usize)>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, username, email, email_verified, status, created_at, sequence, updated_at FROM users \
         WHERE id > $1 ORDER BY id LIMIT $2 FOR NO KEY UPDATE",
    )
    .bind(after.map_or(0, UserId::get))
    .bind(BATCH)
    .fetch_all(&mut *tx)
    .await?;
    let Some(last) = rows.last().map(|row| row.account.id) else { return Ok(None) };
    let events: Vec<_> = rows.iter().filter(|row| row.updated_at >= since).map(Row::event).collect();
    outbox::append_all(&mut tx, SERVICE, &events).await?;
    tx.commit().await?;
    Ok(Some((last, events.len())))
}

impl Row {
    /// The last event about this account. One that only its owner can see, such as another password, has none, so what
    /// happened last may be a little later than it.
    fn event(&self) -> Event {
        let r#type = match self.account.status {
            Status::Active if self.sequence == 1 => return self.account.created(),
            Status::Active => "tracklore.user.updated.v1",
            Status::Suspended => "tracklore.user.suspended.v1",
            Status::Deleted => "tracklore.user.deleted.v1",
        };
        self.account.event(r#type, self.sequence, self.updated_at)
    }
}
