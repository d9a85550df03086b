//! Who follows whom. Events may come late, twice and in any order: the greatest sequence of a pair decides.

use sqlx::PgPool;
use tracklore_platform::id::UserId;

/// What is known of one user following another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Who follows.
    pub follower: UserId,
    /// Whom.
    pub followee: UserId,
    /// Whether it is so, or was.
    pub following: bool,
    /// Of the pair's events.
    pub sequence: i64,
}

/// Takes in what an event says, unless something newer is known, or one of the two is deleted for good.
pub async fn learn(pool: &PgPool, follow: Follow) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO follows (follower_id, followee_id, following, sequence) SELECT $1, $2, $3, $4 \
         WHERE NOT EXISTS (SELECT FROM deleted_users WHERE id IN ($1, $2)) \
         ON CONFLICT (follower_id, followee_id) DO UPDATE SET following = excluded.following, \
         sequence = excluded.sequence WHERE follows.sequence < excluded.sequence",
    )
    .bind(follow.follower)
    .bind(follow.followee)
    .bind(follow.following)
    .bind(follow.sequence)
    .execute(pool)
    .await
    .map(drop)
}
