//! `profiles`, seen through `auth_users`: an account without a row has the profile of defaults.

use std::collections::HashMap;

use sqlx::{PgConnection, PgExecutor, PgPool};
use tracklore_platform::{id::UserId, outbox, time::Timestamp};

use super::SOURCE;
use crate::domain::{FollowPolicy, Profile, Status};

/// What is known of a user.
#[derive(Debug)]
pub enum Lookup {
    /// Nothing: no event yet, or no such user.
    Unknown,
    /// That the account was deleted.
    Deleted,
    /// The profile of an account that is locked: nobody gets to see it before it is unlocked.
    Suspended(Box<Profile>),
    /// The profile.
    Here(Box<Profile>),
}

/// A profile as it is stored.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: UserId,
    username: Option<String>,
    status: Status,
    display_name: Option<String>,
    bio: Option<String>,
    avatar_url: Option<String>,
    location: Option<String>,
    follow_policy: FollowPolicy,
    followers_count: i64,
    following_count: i64,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What a [`Row`] is read from: `auth_users u`, `profiles p` and `follow_counts c`.
macro_rules! columns {
    () => {
        "u.id, u.username, u.status, p.display_name, p.bio, p.avatar_url, p.location, \
         coalesce(p.follow_policy, 'open') AS follow_policy, coalesce(c.followers, 0) AS followers_count, \
         coalesce(c.following, 0) AS following_count, coalesce(p.version, 0) AS version, u.created_at, \
         coalesce(p.updated_at, u.created_at) AS updated_at"
    };
}
pub(super) use columns;

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM auth_users u LEFT JOIN profiles p ON p.user_id = u.id \
             LEFT JOIN follow_counts c ON c.user_id = u.id ",
            $condition
        )
    };
}

/// What is known of this user.
pub async fn find(executor: impl PgExecutor<'_>, id: UserId) -> Result<Lookup, sqlx::Error> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE u.id = $1")).bind(id).fetch_optional(executor).await?;
    Ok(row.map_or(Lookup::Unknown, Row::lookup))
}

/// What is known of these users; those of whom nothing is are left out.
pub async fn find_many(pool: &PgPool, ids: &[UserId]) -> Result<HashMap<UserId, Lookup>, sqlx::Error> {
    let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE u.id = ANY($1)")).bind(ids).fetch_all(pool).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.lookup())).collect())
}

/// The users known under this name, in any case: more than one only while a name passes on. At most two are told.
pub async fn find_by_username(pool: &PgPool, username: &str) -> Result<Vec<Profile>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE lower(u.username) = lower($1) LIMIT 2"))
        .bind(username)
        .fetch_all(pool)
        .await?;
    Ok(rows.into_iter().filter_map(Row::active).collect())
}

/// Writes a changed profile and its event. The account's row must be locked.
pub async fn save(connection: &mut PgConnection, profile: &Profile) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO profiles \
         (user_id, display_name, bio, avatar_url, location, follow_policy, version, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (user_id) DO UPDATE SET \
         display_name = excluded.display_name, bio = excluded.bio, avatar_url = excluded.avatar_url, \
         location = excluded.location, follow_policy = excluded.follow_policy, version = excluded.version, \
         updated_at = excluded.updated_at",
    )
    .bind(profile.id)
    .bind(&profile.display_name)
    .bind(&profile.bio)
    .bind(&profile.avatar_url)
    .bind(&profile.location)
    .bind(profile.follow_policy)
    .bind(profile.version)
    .bind(profile.updated_at)
    .execute(&mut *connection)
    .await?;
    outbox::append(connection, SOURCE, &profile.updated_event()).await
}

impl Row {
    /// The profile, if the account is in use.
    pub(super) fn active(self) -> Option<Profile> {
        match self.lookup() {
            Lookup::Here(profile) => Some(*profile),
            Lookup::Suspended(_) | Lookup::Deleted | Lookup::Unknown => None,
        }
    }

    /// What the row says.
    pub(super) fn lookup(self) -> Lookup {
        let Some(username) = self.username else { return Lookup::Deleted };
        let profile = Box::new(Profile {
            id: self.id,
            username,
            display_name: self.display_name,
            bio: self.bio,
            avatar_url: self.avatar_url,
            location: self.location,
            follow_policy: self.follow_policy,
            followers_count: self.followers_count,
            following_count: self.following_count,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
        });
        match self.status {
            Status::Active => Lookup::Here(profile),
            Status::Suspended => Lookup::Suspended(profile),
            Status::Deleted => Lookup::Deleted,
        }
    }
}
