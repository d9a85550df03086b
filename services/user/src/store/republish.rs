//! The full history of `profile-events` once more, from the tables: for a topic that was lost, or a consumer that begins
//! anew. What is published is the present state of each aggregate under the sequence it was published with, so who has
//! seen it skips it.
//!
//! Accounts are taken in batches, each locked while its events are written: nothing that changes meanwhile can be
//! overtaken by its own past, which in a compacted topic would be the last word.

use sqlx::{PgConnection, PgPool};
use tracklore_platform::{event::Event, id::UserId, outbox, time::Timestamp};

use super::{
    SOURCE, follows, goals,
    profiles::{self, Lookup, columns},
};
use crate::domain::{Goal, Pair, Standing, Status, profile_deleted};

/// Accounts of a transaction.
const BATCH: i64 = 100;

#[derive(sqlx::FromRow)]
struct Account {
    id: UserId,
    status: Status,
    deletion_sequence: Option<i64>,
    deleted_at: Option<Timestamp>,
}

/// Writes the events of the next batch of accounts after `after` into the outbox, of what changed at or after `since`;
/// the last account of the batch and the number of events, `None` when there are no more accounts.
pub async fn batch(
    pool: &PgPool,
    after: Option<UserId>,
    since: Timestamp,
) -> Result<Option<(UserId, usize)>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let accounts: Vec<Account> = sqlx::query_as(
        "SELECT id, status, deletion_sequence, deleted_at FROM auth_users WHERE id > $1 ORDER BY id LIMIT $2 \
         FOR NO KEY UPDATE",
    )
    .bind(after.map_or(0, UserId::get))
    .bind(BATCH)
    .fetch_all(&mut *tx)
    .await?;
    let Some(last) = accounts.last().map(|account| account.id) else { return Ok(None) };
    let mut events: Vec<_> = accounts.iter().filter_map(|account| account.deleted_event(since)).collect();
    let ids: Vec<_> = accounts
        .iter()
        .filter(|account| account.status != Status::Deleted)
        .map(|account| account.id.get())
        .collect();
    events.extend(profile_events(&mut tx, &ids, since).await?);
    events.extend(follow_events(&mut tx, &ids, since).await?);
    events.extend(award_events(&mut tx, &ids, since).await?);
    events.extend(goal_events(&mut tx, &ids, since).await?);
    outbox::append_all(&mut tx, SOURCE, &events).await?;
    tx.commit().await?;
    Ok(Some((last, events.len())))
}

impl Account {
    fn deleted_event(&self, since: Timestamp) -> Option<Event> {
        let at = self.deleted_at.filter(|at| *at >= since)?;
        Some(profile_deleted(self.id, self.deletion_sequence?, at))
    }
}

async fn profile_events(
    connection: &mut PgConnection,
    ids: &[i64],
    since: Timestamp,
) -> Result<Vec<Event>, sqlx::Error> {
    let rows: Vec<profiles::Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM auth_users u JOIN profiles p ON p.user_id = u.id LEFT JOIN follow_counts c ON c.user_id = u.id \
         WHERE u.id = ANY($1) AND p.updated_at >= $2 ORDER BY u.id"
    ))
    .bind(ids)
    .bind(since)
    .fetch_all(connection)
    .await?;
    let event = |row: profiles::Row| match row.lookup() {
        Lookup::Here(profile) | Lookup::Suspended(profile) => Some(profile.updated_event()),
        Lookup::Deleted | Lookup::Unknown => None,
    };
    Ok(rows.into_iter().filter_map(event).collect())
}

/// Of the pairs in which these accounts follow: a pair changes only under the locks of both.
async fn follow_events(
    connection: &mut PgConnection,
    ids: &[i64],
    since: Timestamp,
) -> Result<Vec<Event>, sqlx::Error> {
    let rows: Vec<follows::Row> = sqlx::query_as(
        "SELECT follower_id, followee_id, state, sequence, changed_at FROM follows \
         WHERE follower_id = ANY($1) AND changed_at >= $2 ORDER BY follower_id, followee_id",
    )
    .bind(ids)
    .bind(since)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().filter_map(|row| Pair::from(row).event()).collect())
}

/// Rows are locked, because a badge that is removed takes back its awards without locking the accounts.
async fn award_events(
    connection: &mut PgConnection,
    ids: &[i64],
    since: Timestamp,
) -> Result<Vec<Event>, sqlx::Error> {
    let rows: Vec<Standing> = sqlx::query_as(
        "SELECT user_id, slug, awarded_at, reason, revoked_at, updated_at, sequence FROM badge_awards \
         WHERE user_id = ANY($1) AND updated_at >= $2 ORDER BY user_id, slug FOR NO KEY UPDATE",
    )
    .bind(ids)
    .bind(since)
    .fetch_all(connection)
    .await?;
    Ok(rows.iter().map(Standing::event).collect())
}

async fn goal_events(
    connection: &mut PgConnection,
    ids: &[i64],
    since: Timestamp,
) -> Result<Vec<Event>, sqlx::Error> {
    let rows: Vec<Goal> = sqlx::query_as(concat!(
        "SELECT ",
        goals::columns!(),
        " FROM goals WHERE user_id = ANY($1) AND sequence > 0 AND updated_at >= $2 ORDER BY user_id, id"
    ))
    .bind(ids)
    .bind(since)
    .fetch_all(connection)
    .await?;
    Ok(rows.iter().filter_map(Goal::completed_event).collect())
}
