//! The audit trail: what happened to accounts, written in the transaction in which it happened.

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgExecutor, types::Json};
use tracklore_platform::{id::UserId, time::Timestamp};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::session::client::Client;

/// What can happen to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It was made.
    SignedUp,
    /// A session began.
    LoggedIn,
    /// Somebody tried, with the wrong password or while the account can't be used.
    LogInFailed,
    /// Somebody with a session asked for a change with the wrong password.
    PasswordRefused,
    /// A session ended by logging out.
    LoggedOut,
    /// An old refresh token was used, and the session ended.
    RefreshTokenReused,
    /// Its owner ended a session from the list.
    SessionEnded,
    /// Its owner gave the present password and a new one.
    PasswordChanged,
    /// A link in a mail gave it a new password.
    PasswordReset,
    /// It has another name.
    UsernameChanged,
    /// The owner of the address confirmed it.
    EmailVerified,
    /// It shall have another address.
    EmailChangeRequested,
    /// It has another address.
    EmailChanged,
    /// The owner of the address before took it back.
    EmailChangeUndone,
    /// Its owner took all of its data.
    Exported,
    /// Its owner wanted it gone.
    Deleted,
    /// An administrator suspended it.
    Suspended,
    /// An administrator let it be used again.
    Resumed,
    /// An administrator gave it a scope.
    ScopeGranted,
    /// An administrator took a scope away.
    ScopeRevoked,
}

impl What {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::SignedUp => "signed-up",
            Self::LoggedIn => "logged-in",
            Self::LogInFailed => "log-in-failed",
            Self::PasswordRefused => "password-refused",
            Self::LoggedOut => "logged-out",
            Self::RefreshTokenReused => "refresh-token-reused",
            Self::SessionEnded => "session-ended",
            Self::PasswordChanged => "password-changed",
            Self::PasswordReset => "password-reset",
            Self::UsernameChanged => "username-changed",
            Self::EmailVerified => "email-verified",
            Self::EmailChangeRequested => "email-change-requested",
            Self::EmailChanged => "email-changed",
            Self::EmailChangeUndone => "email-change-undone",
            Self::Exported => "exported",
            Self::Deleted => "deleted",
            Self::Suspended => "suspended",
            Self::Resumed => "resumed",
            Self::ScopeGranted => "scope-granted",
            Self::ScopeRevoked => "scope-revoked",
        }
    }
}

/// One entry to be written; never with a secret in it.
#[derive(Clone, Debug)]
pub struct Entry {
    user: Option<UserId>,
    what: What,
    session: Option<Uuid>,
    client: Option<Client>,
    actor: Option<UserId>,
    detail: Value,
}

/// One entry as its account's owner sees it.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct AccountEvent {
    /// Which one.
    pub id: Uuid,
    /// What happened.
    #[schema(examples("logged-in"))]
    pub r#type: String,
    /// When.
    pub occurred_at: Timestamp,
    /// The session that it is about.
    pub session_id: Option<Uuid>,
    /// Who did it, when it wasn't the account's owner.
    pub actor_id: Option<UserId>,
    /// Where the request came from.
    #[schema(examples("192.0.2.1"))]
    pub ip: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// More about it; depends on the type.
    #[schema(value_type = Object)]
    pub detail: Json<Value>,
}

impl Entry {
    /// That `what` happened to the account of `user`.
    pub fn of(user: UserId, what: What) -> Self {
        Self { user: Some(user), what, session: None, client: None, actor: None, detail: json!({}) }
    }

    /// That somebody failed to log in to this account, or to none there is: noted all the same, so that both take as
    /// long.
    pub fn failed_log_in(user: Option<UserId>) -> Self {
        Self { user, what: What::LogInFailed, session: None, client: None, actor: None, detail: json!({}) }
    }

    /// It is about this session.
    pub fn session(self, session: Uuid) -> Self {
        Self { session: Some(session), ..self }
    }

    /// The request came from this device.
    pub fn by(self, client: &Client) -> Self {
        Self { client: Some(client.clone()), ..self }
    }

    /// Who did it, when it was another account.
    pub fn actor(self, actor: Option<UserId>) -> Self {
        Self { actor, ..self }
    }

    /// More about it: an object.
    pub fn detail(self, detail: Value) -> Self {
        Self { detail, ..self }
    }
}

/// Writes `entry`, in the transaction of what it tells, if that is one.
pub async fn append(connection: &mut PgConnection, entry: &Entry, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO account_events (id, user_id, type, session_id, ip, user_agent, detail, occurred_at, actor_id) \
         VALUES ($1, $2, $3, $4, $5::inet, $6, $7, $8, $9)",
    )
    .bind(Uuid::now_v7())
    .bind(entry.user)
    .bind(entry.what.as_str())
    .bind(entry.session)
    .bind(entry.client.as_ref().map(|client| client.address.ip().to_string()))
    .bind(entry.client.as_ref().and_then(|client| client.user_agent.as_deref()))
    .bind(Json(&entry.detail))
    .bind(now)
    .bind(entry.actor)
    .execute(connection)
    .await
    .map(drop)
}

/// The account's entries, newest first, from before the entry `before`.
pub async fn list(
    executor: impl PgExecutor<'_>,
    user: UserId,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<AccountEvent>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, type, occurred_at, session_id, actor_id, host(ip) AS ip, user_agent, detail \
         FROM account_events WHERE user_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
    )
    .bind(user)
    .bind(before)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(executor)
    .await
}
