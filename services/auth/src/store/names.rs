//! Which names and addresses may be had. Beyond those that accounts have, names stay out of reach for a while after
//! their owner gave them up, and addresses as long as the change away from them can be undone.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor};
use tracklore_platform::{id::UserId, time::Timestamp};

use super::accounts::InsertError;

/// Nobody else can take a name for so long after it was given up: whoever is mentioned by it isn't somebody else at once.
pub const RESERVED: Duration = Duration::from_hours(30 * 24);

/// What somebody who wants a name and an address would find.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct Availability {
    /// The name belongs, or belonged until lately, to somebody else.
    pub username_taken: bool,
    /// The address belongs to somebody else, or may go back to them.
    pub email_taken: bool,
}

impl Availability {
    /// The first that is taken.
    pub fn check(self) -> Result<(), InsertError> {
        match self {
            Self { username_taken: true, .. } => Err(InsertError::UsernameTaken),
            Self { email_taken: true, .. } => Err(InsertError::EmailTaken),
            Self { .. } => Ok(()),
        }
    }
}

/// Whether `username` and `email` can be had by `user`, or by somebody new. The unique indexes have the last word.
pub async fn availability(
    executor: &mut PgConnection,
    username: &str,
    email: &str,
    user: Option<UserId>,
    now: Timestamp,
) -> Result<Availability, sqlx::Error> {
    sqlx::query_as(
        "SELECT EXISTS (SELECT FROM users WHERE lower(username) = lower($1) AND id IS DISTINCT FROM $3) \
                OR EXISTS (SELECT FROM reserved_usernames \
                           WHERE name = lower($1) AND user_id IS DISTINCT FROM $3 AND until > $4) \
                AS username_taken, \
                EXISTS (SELECT FROM users WHERE email = $2 AND id IS DISTINCT FROM $3) \
                OR EXISTS (SELECT FROM one_time_tokens WHERE purpose = 'undo-email-change' \
                           AND email = $2 AND user_id IS DISTINCT FROM $3 AND expires_at > $4) \
                AS email_taken",
    )
    .bind(username)
    .bind(email)
    .bind(user)
    .bind(now)
    .fetch_one(executor)
    .await
}

/// Keeps a name that `user` gives up from everybody else for a while.
pub async fn reserve(
    executor: impl PgExecutor<'_>,
    username: &str,
    user: UserId,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO reserved_usernames (name, user_id, until) VALUES (lower($1), $2, $3) \
         ON CONFLICT (name) DO UPDATE SET user_id = EXCLUDED.user_id, until = EXCLUDED.until",
    )
    .bind(username)
    .bind(user)
    .bind(now.plus(RESERVED))
    .execute(executor)
    .await
    .map(drop)
}
