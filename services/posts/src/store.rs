//! Posts in Postgres: the only place with SQL. Writing functions work within the caller's transaction, so that row,
//! event and kept answer stand or fall together.

mod follows;
mod internal;
mod list;
mod purge;
mod raise;
mod revisions;
mod sweep;
mod write;

use sqlx::{PgConnection, PgPool};
use tracklore_platform::schema::Schema;
use uuid::Uuid;

pub use follows::{Follow, learn};
pub use internal::{Newest, newest};
pub use list::{Filter, Position, by_ids, page};
pub use purge::{almost_purged, forget_user, purge_some, purged, to_purge};
pub use raise::raise;
pub use revisions::page as revisions;
pub use sweep::remove_expired;
pub use write::{insert, remove, update};

use crate::{
    post::Post,
    visibility::{Viewer, seen_by_viewer},
};

/// The schema through its versions.
pub static SCHEMA: Schema = tracklore_platform::schema!();

/// What a [`Post`] is read from.
macro_rules! columns {
    () => {
        "id, author_id, text, attributes, visibility, expires_at, version, created_at, updated_at"
    };
}
pub(crate) use columns;

/// A post that nobody else can change until the transaction ends.
#[derive(Debug, sqlx::FromRow)]
pub struct Locked {
    /// The post.
    #[sqlx(flatten)]
    pub post: Post,
    /// Whether the viewer may see it.
    pub seen: bool,
}

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
pub async fn lock(tx: &mut PgConnection, id: Uuid, viewer: &Viewer) -> sqlx::Result<Option<Locked>> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        ", coalesce(",
        seen_by_viewer!(),
        ", false) AS seen FROM posts WHERE id = $3 FOR UPDATE"
    ))
    .bind(viewer.user)
    .bind(viewer.now)
    .bind(id)
    .fetch_optional(tx)
    .await
}
