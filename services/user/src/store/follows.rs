//! `follows` and `follow_counts`: pairs are changed under the locks of both accounts, counts in the same transaction.

use sqlx::PgConnection;
use tracklore_platform::{id::UserId, outbox, time::Timestamp};

use super::SOURCE;
use crate::domain::{FollowState, Pair};

/// A pair as it is stored; strangers have no row.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    follower_id: UserId,
    followee_id: UserId,
    state: String,
    sequence: i64,
    changed_at: Timestamp,
}

impl From<Row> for Pair {
    fn from(row: Row) -> Self {
        let state = match row.state.as_str() {
            "accepted" => FollowState::Following,
            "requested" => FollowState::Requested,
            _ => FollowState::Apart,
        };
        let Row { follower_id, followee_id, sequence, changed_at, .. } = row;
        Self { follower: follower_id, followee: followee_id, state, sequence, changed_at }
    }
}

/// How `who` stands to `whom`.
pub async fn find(connection: &mut PgConnection, who: UserId, whom: UserId) -> Result<Pair, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT follower_id, followee_id, state, sequence, changed_at FROM follows \
         WHERE follower_id = $1 AND followee_id = $2",
    )
    .bind(who)
    .bind(whom)
    .fetch_optional(connection)
    .await?;
    Ok(row.map_or_else(|| Pair::strangers(who, whom), Into::into))
}

/// How many the user follows.
pub async fn following_count(connection: &mut PgConnection, id: UserId) -> Result<i64, sqlx::Error> {
    let count: Option<i64> = sqlx::query_scalar("SELECT following FROM follow_counts WHERE user_id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(count.unwrap_or(0))
}

/// Writes what became of a pair, with counts and event. Both accounts must be locked.
pub async fn save(connection: &mut PgConnection, before: &Pair, after: &Pair) -> Result<(), sqlx::Error> {
    write(connection, after).await?;
    let change = after.count() - before.count();
    if change != 0 {
        count(connection, after, change).await?;
    }
    match after.event().filter(|_| after.sequence > before.sequence) {
        Some(event) => outbox::append(connection, SOURCE, &event).await,
        None => Ok(()),
    }
}

async fn write(connection: &mut PgConnection, pair: &Pair) -> Result<(), sqlx::Error> {
    let state = match pair.state {
        FollowState::Following => "accepted",
        FollowState::Requested => "requested",
        FollowState::Apart if pair.sequence > 0 => "ended",
        FollowState::Apart => {
            // nobody was ever told of it: as if it had never been
            return sqlx::query("DELETE FROM follows WHERE follower_id = $1 AND followee_id = $2")
                .bind(pair.follower)
                .bind(pair.followee)
                .execute(connection)
                .await
                .map(drop);
        }
    };
    sqlx::query(
        "INSERT INTO follows (follower_id, followee_id, state, sequence, changed_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (follower_id, followee_id) DO UPDATE SET \
         state = excluded.state, sequence = excluded.sequence, changed_at = excluded.changed_at",
    )
    .bind(pair.follower)
    .bind(pair.followee)
    .bind(state)
    .bind(pair.sequence)
    .bind(pair.changed_at)
    .execute(connection)
    .await
    .map(drop)
}

async fn count(connection: &mut PgConnection, pair: &Pair, change: i64) -> Result<(), sqlx::Error> {
    // one statement for each row, so that their order is certain
    let mut rows = [(pair.follower, 0, change), (pair.followee, change, 0)];
    rows.sort_unstable();
    for (id, followers, following) in rows {
        sqlx::query(
            "INSERT INTO follow_counts AS c (user_id, followers, following) VALUES ($1, greatest($2, 0), greatest($3, 0)) \
             ON CONFLICT (user_id) DO UPDATE SET followers = c.followers + $2, following = c.following + $3",
        )
        .bind(id)
        .bind(followers)
        .bind(following)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
