//! Changes of posts, each with its event. What is said of a post is what was stored of it: Postgres has its own
//! spelling of numbers, and answers and events use that.

use sqlx::{PgConnection, types::Json};
use tracklore_platform::outbox;

use super::revisions;
use crate::{
    event::{self, Reason, SOURCE},
    post::{AttributesText, Post},
};

/// Stores a new post and what is said of it; the post as it is stored, `None` when its author has been deleted.
pub async fn insert(tx: &mut PgConnection, post: Post) -> sqlx::Result<Option<Post>> {
    let stored: Option<Json<AttributesText>> = sqlx::query_scalar(
        "INSERT INTO posts (id, author_id, text, attributes, visibility, expires_at, version, created_at, updated_at) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE NOT EXISTS (SELECT FROM deleted_users WHERE id = $2) \
         RETURNING attributes",
    )
    .bind(post.id)
    .bind(post.author_id)
    .bind(&post.text)
    .bind(Json(&post.attributes))
    .bind(post.visibility)
    .bind(post.expires_at)
    .bind(post.version)
    .bind(post.created_at)
    .bind(post.updated_at)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(Json(attributes)) = stored else { return Ok(None) };
    let post = Post { attributes, ..post };
    outbox::append(tx, SOURCE, &event::created(&post)).await?;
    Ok(Some(post))
}

/// Stores the new state of a locked post, what it was before, and what is said of it; the post as it is stored.
pub async fn update(tx: &mut PgConnection, before: &Post, post: Post) -> sqlx::Result<Post> {
    revisions::keep(tx, before).await?;
    let Json(attributes) = sqlx::query_scalar(
        "UPDATE posts SET text = $2, attributes = $3, visibility = $4, expires_at = $5, version = $6, \
         updated_at = $7 WHERE id = $1 RETURNING attributes",
    )
    .bind(post.id)
    .bind(&post.text)
    .bind(Json(&post.attributes))
    .bind(post.visibility)
    .bind(post.expires_at)
    .bind(post.version)
    .bind(post.updated_at)
    .fetch_one(&mut *tx)
    .await?;
    let post = Post { attributes, ..post };
    outbox::append(tx, SOURCE, &event::updated(&post)).await?;
    Ok(post)
}

/// Removes a locked post with its revisions, and says so.
pub async fn remove(
    tx: &mut PgConnection,
    post: &Post,
    reason: Reason,
    now: tracklore_platform::time::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM posts WHERE id = $1").bind(post.id).execute(&mut *tx).await?;
    outbox::append(tx, SOURCE, &event::deleted(post, reason, now)).await
}
