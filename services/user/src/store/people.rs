//! Lists of people: followers, followed, those who ask to follow, blocked. Newest first, by keyset. Suspended accounts
//! are left out, as everywhere.

use sqlx::PgPool;
use tracklore_platform::{id::UserId, time::Timestamp};

use super::profiles::{self, columns};
use crate::{actor::Actor, domain::Profile};

/// Where somebody stands in a list: since when, then by id.
pub type Position = (i64, UserId);

/// Somebody in a list, and where.
#[derive(Debug)]
pub struct Listed {
    /// Who.
    pub profile: Profile,
    /// Since when they are in it.
    pub since: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    profile: profiles::Row,
    since: Timestamp,
}

/// A page of the people in `$table`, where `$other` is who is listed and `$condition` says of whom.
macro_rules! page_of {
    ($table:literal, $other:literal, $since:literal, $condition:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", l.",
            $since,
            " AS since FROM ",
            $table,
            " l JOIN auth_users u ON u.id = l.",
            $other,
            " LEFT JOIN profiles p ON p.user_id = u.id LEFT JOIN follow_counts c ON c.user_id = u.id WHERE ",
            $condition,
            " AND u.status = 'active' AND (l.",
            $since,
            ", l.",
            $other,
            ") < (coalesce($2, 'infinity'), coalesce($3, 9223372036854775807)) ORDER BY l.",
            $since,
            " DESC, l.",
            $other,
            " DESC LIMIT $4"
        )
    };
}

async fn page(
    pool: &PgPool,
    statement: &'static str,
    of: UserId,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<Listed>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(statement)
        .bind(of)
        .bind(after.map(|(since, _)| Timestamp::from_unix_millis(since)))
        .bind(after.map(|(_, id)| id))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await?;
    let listed = |row: Row| Some(Listed { since: row.since, profile: row.profile.active()? });
    Ok(rows.into_iter().filter_map(listed).collect())
}

/// Those who follow `id`.
pub async fn followers(
    pool: &PgPool,
    id: UserId,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<Listed>, sqlx::Error> {
    let statement =
        page_of!("follows", "follower_id", "changed_at", "l.followee_id = $1 AND l.state = 'accepted'");
    page(pool, statement, id, after, limit).await
}

/// Those whom `id` follows.
pub async fn following(
    pool: &PgPool,
    id: UserId,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<Listed>, sqlx::Error> {
    let statement =
        page_of!("follows", "followee_id", "changed_at", "l.follower_id = $1 AND l.state = 'accepted'");
    page(pool, statement, id, after, limit).await
}

/// Those who ask to follow the actor.
pub async fn requests(
    pool: &PgPool,
    actor: &Actor,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<Listed>, sqlx::Error> {
    let statement =
        page_of!("follows", "follower_id", "changed_at", "l.followee_id = $1 AND l.state = 'requested'");
    page(pool, statement, actor.id(), after, limit).await
}

/// Those whom the actor has blocked.
pub async fn blocked(
    pool: &PgPool,
    actor: &Actor,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<Listed>, sqlx::Error> {
    page(pool, page_of!("blocks", "blocked_id", "created_at", "l.blocker_id = $1"), actor.id(), after, limit)
        .await
}

/// The ids of those whom `id` follows, for other services: by ascending id after `after`, suspended ones too.
pub async fn following_ids(
    pool: &PgPool,
    id: UserId,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<UserId>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT followee_id FROM follows WHERE follower_id = $1 AND state = 'accepted' AND followee_id > $2 \
         ORDER BY followee_id LIMIT $3",
    )
    .bind(id)
    .bind(after.map_or(0, UserId::get))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await
}
