//! `badges`: the catalogue. Rows of removed badges stay for the sequences of their awards, and nobody sees them.

use sqlx::{PgConnection, PgExecutor, PgPool};
use tracklore_platform::time::Timestamp;

use crate::{actor::BadgeAdmin, domain::Badge};

/// A page of the catalogue, by slug.
pub async fn page(pool: &PgPool, after: Option<&str>, limit: usize) -> Result<Vec<Badge>, sqlx::Error> {
    sqlx::query_as(
        "SELECT slug, name, description, icon_url, version FROM badges \
         WHERE deleted_at IS NULL AND slug > $1 ORDER BY slug LIMIT $2",
    )
    .bind(after.unwrap_or_default())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await
}

/// The badge with this slug.
pub async fn find(executor: impl PgExecutor<'_>, slug: &str) -> Result<Option<Badge>, sqlx::Error> {
    sqlx::query_as(
        "SELECT slug, name, description, icon_url, version FROM badges WHERE slug = $1 AND deleted_at IS NULL",
    )
    .bind(slug)
    .fetch_optional(executor)
    .await
}

/// The badge with this slug, locked until the transaction ends: changes of one badge come one after the other.
pub async fn lock(
    connection: &mut PgConnection,
    _: &BadgeAdmin,
    slug: &str,
) -> Result<Option<Badge>, sqlx::Error> {
    sqlx::query_as(
        "SELECT slug, name, description, icon_url, version FROM badges \
         WHERE slug = $1 AND deleted_at IS NULL FOR UPDATE",
    )
    .bind(slug)
    .fetch_optional(connection)
    .await
}

/// The badge with this slug, which stays as it is until the transaction ends.
pub async fn hold(
    connection: &mut PgConnection,
    _: &BadgeAdmin,
    slug: &str,
) -> Result<Option<Badge>, sqlx::Error> {
    sqlx::query_as(
        "SELECT slug, name, description, icon_url, version FROM badges \
         WHERE slug = $1 AND deleted_at IS NULL FOR SHARE",
    )
    .bind(slug)
    .fetch_optional(connection)
    .await
}

/// Stores a new badge, with the version after that of a removed one of the same slug; `None` when the slug is taken.
pub async fn insert(
    connection: &mut PgConnection,
    _: &BadgeAdmin,
    badge: &Badge,
) -> Result<Option<Badge>, sqlx::Error> {
    sqlx::query_as(
        "INSERT INTO badges AS b (slug, name, description, icon_url, version) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (slug) DO UPDATE SET name = excluded.name, description = excluded.description, \
         icon_url = excluded.icon_url, version = b.version + 1, deleted_at = NULL WHERE b.deleted_at IS NOT NULL \
         RETURNING slug, name, description, icon_url, version",
    )
    .bind(&badge.slug)
    .bind(&badge.name)
    .bind(&badge.description)
    .bind(&badge.icon_url)
    .bind(badge.version)
    .fetch_optional(connection)
    .await
}

/// Writes a changed badge, which must be locked.
pub async fn save(connection: &mut PgConnection, _: &BadgeAdmin, badge: &Badge) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE badges SET name = $2, description = $3, icon_url = $4, version = $5 WHERE slug = $1")
        .bind(&badge.slug)
        .bind(&badge.name)
        .bind(&badge.description)
        .bind(&badge.icon_url)
        .bind(badge.version)
        .execute(connection)
        .await
        .map(drop)
}

/// Takes a locked badge out of the catalogue.
pub async fn remove(
    connection: &mut PgConnection,
    _: &BadgeAdmin,
    slug: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE badges SET deleted_at = $2 WHERE slug = $1")
        .bind(slug)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)
}
