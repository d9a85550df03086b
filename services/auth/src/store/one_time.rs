//! What links in mails prove: tokens that are good once, kept as hashes only.

use std::time::Duration;

use sqlx::PgExecutor;
use tracklore_platform::{id::UserId, time::Timestamp};
use uuid::Uuid;

use crate::one_time::{Fingerprint, OneTimeToken};

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Confirm an address.
    VerifyEmail,
    /// Set a new password.
    ResetPassword,
    /// Take an address back.
    UndoEmailChange,
}

/// Whom a token is about.
#[derive(Clone, Copy, Debug)]
pub enum Subject {
    /// An account.
    User(UserId),
    /// A sign-up that isn't an account yet.
    SignUp(Uuid),
}

/// What a good token says.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whom it is about.
    pub subject: Subject,
    /// The address it was sent to.
    pub email: String,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
            Self::UndoEmailChange => "undo-email-change",
        }
    }

    /// How long its tokens are good.
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::VerifyEmail => Duration::from_hours(24),
            Self::ResetPassword => Duration::from_mins(30),
            Self::UndoEmailChange => Duration::from_hours(7 * 24),
        }
    }
}

/// Makes a token about `subject` and `email`.
pub async fn issue(
    executor: impl PgExecutor<'_>,
    purpose: Purpose,
    subject: Subject,
    email: &str,
    now: Timestamp,
) -> Result<OneTimeToken, sqlx::Error> {
    let token = OneTimeToken::generate();
    let (user, signup) = match subject {
        Subject::User(id) => (Some(id), None),
        Subject::SignUp(id) => (None, Some(id)),
    };
    sqlx::query(
        "INSERT INTO one_time_tokens (hash, purpose, user_id, signup_id, email, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(token.fingerprint().0)
    .bind(purpose.as_str())
    .bind(user)
    .bind(signup)
    .bind(email)
    .bind(now)
    .bind(now.plus(purpose.lifetime()))
    .execute(executor)
    .await?;
    Ok(token)
}

/// What the token says, if it is good; it stays good.
pub async fn look(
    executor: impl PgExecutor<'_>,
    purpose: Purpose,
    token: Fingerprint,
    now: Timestamp,
) -> Result<Option<Claim>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT user_id, signup_id, email FROM one_time_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3",
    )
    .bind(token.0)
    .bind(purpose.as_str())
    .bind(now)
    .fetch_optional(executor)
    .await?;
    Ok(row.and_then(Row::claim))
}

/// What the token says, if it is good; never again after the caller's transaction.
pub async fn take(
    executor: impl PgExecutor<'_>,
    purpose: Purpose,
    token: Fingerprint,
    now: Timestamp,
) -> Result<Option<Claim>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "DELETE FROM one_time_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3 \
         RETURNING user_id, signup_id, email",
    )
    .bind(token.0)
    .bind(purpose.as_str())
    .bind(now)
    .fetch_optional(executor)
    .await?;
    Ok(row.and_then(Row::claim))
}

/// Makes all links of this kind that the account's mails hold worthless.
pub async fn revoke(
    executor: impl PgExecutor<'_>,
    user: UserId,
    purposes: &[Purpose],
) -> Result<(), sqlx::Error> {
    let purposes: Vec<_> = purposes.iter().map(|purpose| purpose.as_str()).collect();
    sqlx::query("DELETE FROM one_time_tokens WHERE user_id = $1 AND purpose = ANY($2)")
        .bind(user)
        .bind(purposes)
        .execute(executor)
        .await
        .map(drop)
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: Option<UserId>,
    signup_id: Option<Uuid>,
    email: String,
}

impl Row {
    fn claim(self) -> Option<Claim> {
        let subject = self.user_id.map(Subject::User).or(self.signup_id.map(Subject::SignUp))?;
        Some(Claim { subject, email: self.email })
    }
}
