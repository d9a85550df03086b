//! `goals`.

use sqlx::{PgConnection, PgExecutor, PgPool};
use tracklore_platform::{event::Event, id::UserId, outbox, time::Timestamp};
use uuid::Uuid;

use super::SOURCE;
use crate::{
    actor::Actor,
    domain::{Goal, goal_erased},
};

/// Where a goal stands in a list: newest first, the id deciding within a millisecond.
pub type Position = (i64, Uuid);

macro_rules! columns {
    () => {
        "id, user_id, title, description, target_date, status, progress, visibility, completed_at, version, sequence, \
         created_at, updated_at"
    };
}
pub(super) use columns;

macro_rules! page_of {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM goals WHERE user_id = $1 ",
            $condition,
            " AND (created_at, id) < (coalesce($2, 'infinity'), ",
            "coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) ORDER BY created_at DESC, id DESC LIMIT $4"
        )
    };
}

async fn page(
    pool: &PgPool,
    statement: &'static str,
    owner: UserId,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<Goal>, sqlx::Error> {
    sqlx::query_as(statement)
        .bind(owner)
        .bind(after.map(|(millis, _)| Timestamp::from_unix_millis(millis)))
        .bind(after.map(|(_, id)| id))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await
}

/// The actor's own goals, newest first.
pub async fn own(
    pool: &PgPool,
    actor: &Actor,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<Goal>, sqlx::Error> {
    page(pool, page_of!(""), actor.id(), after, limit).await
}

/// The public goals of a user, newest first.
pub async fn public(
    pool: &PgPool,
    owner: UserId,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<Goal>, sqlx::Error> {
    page(pool, page_of!("AND visibility = 'public'"), owner, after, limit).await
}

/// The actor's goal with this id.
pub async fn find(
    executor: impl PgExecutor<'_>,
    actor: &Actor,
    id: Uuid,
) -> Result<Option<Goal>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM goals WHERE id = $1 AND user_id = $2"))
        .bind(id)
        .bind(actor.id())
        .fetch_optional(executor)
        .await
}

/// How many goals the actor has.
pub async fn count(connection: &mut PgConnection, actor: &Actor) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM goals WHERE user_id = $1")
        .bind(actor.id())
        .fetch_one(connection)
        .await
}

/// Stores a new goal.
pub async fn insert(connection: &mut PgConnection, goal: &Goal) -> Result<(), sqlx::Error> {
    sqlx::query(concat!(
        "INSERT INTO goals (",
        columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    ))
    .bind(goal.id)
    .bind(goal.user_id)
    .bind(&goal.title)
    .bind(&goal.description)
    .bind(goal.target_date)
    .bind(goal.status)
    .bind(goal.progress)
    .bind(goal.visibility)
    .bind(goal.completed_at)
    .bind(goal.version)
    .bind(goal.sequence)
    .bind(goal.created_at)
    .bind(goal.updated_at)
    .execute(connection)
    .await
    .map(drop)
}

/// Writes a changed goal, and its event if there is one to tell. The owner's account must be locked.
pub async fn save(connection: &mut PgConnection, before: &Goal, after: &Goal) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE goals SET title = $2, description = $3, target_date = $4, status = $5, progress = $6, \
         visibility = $7, completed_at = $8, version = $9, sequence = $10, updated_at = $11 WHERE id = $1",
    )
    .bind(after.id)
    .bind(&after.title)
    .bind(&after.description)
    .bind(after.target_date)
    .bind(after.status)
    .bind(after.progress)
    .bind(after.visibility)
    .bind(after.completed_at)
    .bind(after.version)
    .bind(after.sequence)
    .bind(after.updated_at)
    .execute(&mut *connection)
    .await?;
    match after.completed_event().filter(|_| after.sequence > before.sequence) {
        Some(event) => outbox::append(connection, SOURCE, &event).await,
        None => Ok(()),
    }
}

/// Removes a goal; what was published of it goes with it. The owner's account must be locked.
pub async fn delete(connection: &mut PgConnection, goal: &Goal, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM goals WHERE id = $1").bind(goal.id).execute(&mut *connection).await?;
    if goal.sequence == 0 {
        return Ok(());
    }
    outbox::append(connection, SOURCE, &goal_erased(goal.user_id, goal.id, goal.sequence, now)).await
}

/// Removes all goals of a deleted account; the events that say so.
pub(super) async fn erase(
    connection: &mut PgConnection,
    owner: UserId,
    at: Timestamp,
) -> Result<Vec<Event>, sqlx::Error> {
    let goals: Vec<(Uuid, i64)> =
        sqlx::query_as("DELETE FROM goals WHERE user_id = $1 RETURNING id, sequence")
            .bind(owner)
            .fetch_all(connection)
            .await?;
    let published = goals.into_iter().filter(|(_, sequence)| *sequence > 0);
    Ok(published.map(|(id, sequence)| goal_erased(owner, id, sequence, at)).collect())
}
