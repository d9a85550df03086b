//! What a deleted account leaves: nothing but its tombstone. Everything that was published of it is taken back in the
//! same transaction: follows are ended, badges revoked, goals and the profile emptied in the compacted topic.

use sqlx::PgConnection;
use tracklore_platform::{event::Event, id::UserId, outbox, time::Timestamp};

use super::{SOURCE, awards, follows, goals};
use crate::domain::{FollowAct, FollowState, Pair, profile_deleted};

/// Removes all of the user's data and publishes that it is gone. The account's row must be locked.
pub async fn erase(connection: &mut PgConnection, id: UserId, at: Timestamp) -> Result<(), sqlx::Error> {
    let mut events = end_follows(connection, id, at).await?;
    events.extend(awards::erase(connection, id, at).await?);
    events.extend(goals::erase(connection, id, at).await?);
    for statement in [
        "DELETE FROM blocks WHERE blocker_id = $1 OR blocked_id = $1",
        "DELETE FROM settings WHERE user_id = $1",
        // kept answers repeat what the user wrote
        "DELETE FROM idempotency_keys WHERE actor = $1",
    ] {
        sqlx::query(statement).bind(id).execute(&mut *connection).await?;
    }
    let version: Option<i64> =
        sqlx::query_scalar("DELETE FROM profiles WHERE user_id = $1 RETURNING version")
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
    let sequence = version.unwrap_or(0) + 1;
    sqlx::query("UPDATE auth_users SET deletion_sequence = $2 WHERE id = $1")
        .bind(id)
        .bind(sequence)
        .execute(&mut *connection)
        .await?;
    events.push(profile_deleted(id, sequence, at));
    outbox::append_all(connection, SOURCE, &events).await
}

async fn end_follows(
    connection: &mut PgConnection,
    id: UserId,
    at: Timestamp,
) -> Result<Vec<Event>, sqlx::Error> {
    // in an order, for two who follow each other and go at the same time
    let rows: Vec<follows::Row> = sqlx::query_as(
        "SELECT follower_id, followee_id, state, sequence, changed_at FROM follows \
         WHERE follower_id = $1 OR followee_id = $1 ORDER BY follower_id, followee_id FOR UPDATE",
    )
    .bind(id)
    .fetch_all(&mut *connection)
    .await?;
    let pairs: Vec<Pair> = rows.into_iter().map(Pair::from).collect();
    sqlx::query("DELETE FROM follows WHERE follower_id = $1 OR followee_id = $1")
        .bind(id)
        .execute(&mut *connection)
        .await?;

    let following: Vec<_> = pairs.iter().filter(|pair| pair.state == FollowState::Following).collect();
    let followers: Vec<_> =
        following.iter().filter(|pair| pair.followee == id).map(|pair| pair.follower.get()).collect();
    let followed: Vec<_> =
        following.iter().filter(|pair| pair.follower == id).map(|pair| pair.followee.get()).collect();
    sqlx::query(
        "WITH locked AS (SELECT user_id FROM follow_counts WHERE user_id = ANY($1) OR user_id = ANY($2) \
         ORDER BY user_id FOR NO KEY UPDATE) \
         UPDATE follow_counts c SET following = c.following - (c.user_id = ANY($1))::int, \
         followers = c.followers - (c.user_id = ANY($2))::int FROM locked WHERE c.user_id = locked.user_id",
    )
    .bind(&followers)
    .bind(&followed)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM follow_counts WHERE user_id = $1").bind(id).execute(connection).await?;

    let ended = following.into_iter().filter_map(|pair| pair.after(FollowAct::End, at)?.event());
    Ok(ended.collect())
}
