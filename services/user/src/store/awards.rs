//! `badge_awards`: changed under the locks of the user's account and of the badge.

use sqlx::{PgConnection, PgPool};
use tracklore_platform::{event::Event, id::UserId, outbox, time::Timestamp};

use super::SOURCE;
use crate::{
    actor::BadgeAdmin,
    domain::{Award, Badge, Standing},
};

/// Where an award stands in a list: since when, then by slug.
pub type Position = (i64, String);

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    badge: Badge,
    awarded_at: Timestamp,
    reason: Option<String>,
}

/// A page of the user's badges, newest first.
pub async fn page(
    pool: &PgPool,
    user: UserId,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<Award>, sqlx::Error> {
    let (before, slug) = after.unzip();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT b.slug, b.name, b.description, b.icon_url, b.version, a.awarded_at, a.reason \
         FROM badge_awards a JOIN badges b ON b.slug = a.slug \
         WHERE a.user_id = $1 AND a.revoked_at IS NULL \
         AND (a.awarded_at < coalesce($2, 'infinity') OR (a.awarded_at = $2 AND a.slug > $3)) \
         ORDER BY a.awarded_at DESC, a.slug LIMIT $4",
    )
    .bind(user)
    .bind(before.map(Timestamp::from_unix_millis))
    .bind(slug)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await?;
    let award = |Row { badge, awarded_at, reason }| Award { badge, awarded_at, reason };
    Ok(rows.into_iter().map(award).collect())
}

/// How the user stands to the badge, if they ever had it.
pub async fn find(
    connection: &mut PgConnection,
    user: UserId,
    slug: &str,
) -> Result<Option<Standing>, sqlx::Error> {
    sqlx::query_as(
        "SELECT user_id, slug, awarded_at, reason, revoked_at, updated_at, sequence FROM badge_awards \
         WHERE user_id = $1 AND slug = $2",
    )
    .bind(user)
    .bind(slug)
    .fetch_optional(connection)
    .await
}

/// Writes how a user stands to a badge now, and the event. The account must be locked and the badge held.
pub async fn save(
    connection: &mut PgConnection,
    _: &BadgeAdmin,
    standing: &Standing,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO badge_awards (user_id, slug, awarded_at, reason, revoked_at, updated_at, sequence) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_id, slug) DO UPDATE SET \
         awarded_at = excluded.awarded_at, reason = excluded.reason, revoked_at = excluded.revoked_at, \
         updated_at = excluded.updated_at, sequence = excluded.sequence",
    )
    .bind(standing.user_id)
    .bind(&standing.slug)
    .bind(standing.awarded_at)
    .bind(&standing.reason)
    .bind(standing.revoked_at)
    .bind(standing.updated_at)
    .bind(standing.sequence)
    .execute(&mut *connection)
    .await?;
    outbox::append(connection, SOURCE, &standing.event()).await
}

/// Takes the badge back from all who have it. The badge must be locked, so that nobody gets it meanwhile.
pub async fn revoke_all(
    connection: &mut PgConnection,
    _: &BadgeAdmin,
    slug: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let revoked: Vec<Standing> = sqlx::query_as(
        "WITH held AS (SELECT user_id FROM badge_awards WHERE slug = $1 AND revoked_at IS NULL \
         ORDER BY user_id FOR NO KEY UPDATE) \
         UPDATE badge_awards a SET revoked_at = greatest($2, a.updated_at), updated_at = greatest($2, a.updated_at), \
         reason = NULL, sequence = a.sequence + 1 FROM held WHERE a.user_id = held.user_id AND a.slug = $1 \
         RETURNING a.user_id, a.slug, a.awarded_at, a.reason, a.revoked_at, a.updated_at, a.sequence",
    )
    .bind(slug)
    .bind(now)
    .fetch_all(&mut *connection)
    .await?;
    let events: Vec<_> = revoked.iter().map(Standing::event).collect();
    outbox::append_all(connection, SOURCE, &events).await
}

/// Removes all awards of a deleted account; the events that take them back.
pub(super) async fn erase(
    connection: &mut PgConnection,
    user: UserId,
    at: Timestamp,
) -> Result<Vec<Event>, sqlx::Error> {
    let held: Vec<Standing> = sqlx::query_as(
        "DELETE FROM badge_awards WHERE user_id = $1 \
         RETURNING user_id, slug, awarded_at, reason, revoked_at, updated_at, sequence",
    )
    .bind(user)
    .fetch_all(connection)
    .await?;
    Ok(held.iter().filter_map(|standing| Some(standing.revoke(at)?.event())).collect())
}
