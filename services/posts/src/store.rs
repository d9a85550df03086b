//! Posts in Postgres: the only place with SQL. Writing functions work within the caller's transaction, so that row,
//! event and kept answer stand or fall together.

mod list;
mod sweep;

use sqlx::{PgConnection, PgPool, migrate::Migrator, types::Json};
use tracklore_platform::{event::Event, outbox};
use uuid::Uuid;

pub use list::{Filter, Position, by_ids, page};
pub use sweep::remove_expired;

use crate::{
    event::SOURCE,
    post::Post,
    visibility::{Viewer, seen_by_viewer},
};

/// The schema. An older program serves on beside a newer schema, so unknown migrations are no error.
pub static MIGRATOR: Migrator = Migrator { ignore_missing: true, ..sqlx::migrate!() };

/// What a [`Post`] is read from.
macro_rules! columns {
    () => {
        "id, author_id, text, attributes, visibility, expires_at, version, created_at, updated_at"
    };
}
pub(crate) use columns;

/// The post, if the viewer may see it.
pub async fn find(pool: &PgPool, id: Uuid, viewer: &Viewer) -> sqlx::Result<Option<Post>> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM posts WHERE id = $3 AND ", seen_by_viewer!()))
        .bind(viewer.user)
        .bind(viewer.now)
        .bind(id)
        .fetch_optional(pool)
        .await
}

/// The post, whoever may see it, locked until the transaction ends: changes of one post come one after the other.
pub async fn lock(tx: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Post>> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM posts WHERE id = $1 FOR UPDATE"))
        .bind(id)
        .fetch_optional(tx)
        .await
}

/// Stores a new post and what is said of it.
pub async fn insert(tx: &mut PgConnection, post: &Post, event: &Event) -> sqlx::Result<()> {
    sqlx::query(concat!("INSERT INTO posts (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"))
        .bind(post.id)
        .bind(post.author_id)
        .bind(&post.text)
        .bind(Json(&post.attributes))
        .bind(post.visibility)
        .bind(post.expires_at)
        .bind(post.version)
        .bind(post.created_at)
        .bind(post.updated_at)
        .execute(&mut *tx)
        .await?;
    outbox::append(tx, SOURCE, event).await
}

/// Stores the new state of a locked post and what is said of it.
pub async fn update(tx: &mut PgConnection, post: &Post, event: &Event) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE posts SET text = $2, attributes = $3, visibility = $4, expires_at = $5, version = $6, \
         updated_at = $7 WHERE id = $1",
    )
    .bind(post.id)
    .bind(&post.text)
    .bind(Json(&post.attributes))
    .bind(post.visibility)
    .bind(post.expires_at)
    .bind(post.version)
    .bind(post.updated_at)
    .execute(&mut *tx)
    .await?;
    outbox::append(tx, SOURCE, event).await
}

/// Removes a locked post and says so.
pub async fn remove(tx: &mut PgConnection, id: Uuid, event: &Event) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM posts WHERE id = $1").bind(id).execute(&mut *tx).await?;
    outbox::append(tx, SOURCE, event).await
}
