//! The newest posts, whoever may see them: for the services that fill read models and check sight themselves.

use sqlx::PgPool;
use tracklore_platform::{id::UserId, time::Timestamp};

use super::{Position, columns};
use crate::post::{Post, Visibility};

/// Which posts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Newest {
    /// Of these authors; of everybody when there are none.
    pub authors: Vec<UserId>,
    /// With this visibility alone.
    pub visibility: Option<Visibility>,
}

/// A page of all posts that haven't expired, after the position in `$2` and `$3`.
macro_rules! newest {
    ($filter:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM posts WHERE ",
            $filter,
            "(expires_at IS NULL OR expires_at > $1) AND ($5::text IS NULL OR visibility = $5) ",
            "AND (created_at, id) < (coalesce($2, 'infinity'), ",
            "coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) ",
            "ORDER BY created_at DESC, id DESC LIMIT $4"
        )
    };
}

/// Up to `limit` posts after `after`, newest first.
pub async fn newest(
    pool: &PgPool,
    which: &Newest,
    now: Timestamp,
    after: Option<Position>,
    limit: usize,
) -> sqlx::Result<Vec<Post>> {
    let statement = if which.authors.is_empty() { newest!("") } else { newest!("author_id = ANY($6) AND ") };
    let query = sqlx::query_as(statement)
        .bind(now)
        .bind(after.map(|(millis, _)| Timestamp::from_unix_millis(millis)))
        .bind(after.map(|(_, id)| id))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(which.visibility);
    let query = if which.authors.is_empty() { query } else { query.bind(&which.authors) };
    query.fetch_all(pool).await
}
