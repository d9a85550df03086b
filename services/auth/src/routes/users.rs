//! Accounts as administrators see and change them.

pub mod change;
pub mod grant;
pub mod read;
pub mod revoke;

use serde::Serialize;
use tracklore_platform::{etag::ETag, id::UserId, problem::Problem, time::Timestamp, token::SCOPES};
use utoipa::ToSchema;

use crate::{
    account::{Account, Status},
    administration::Done,
    error::Error,
};

/// An account as administrators see it.
#[derive(Serialize, ToSchema)]
pub struct ManagedAccount {
    /// Who.
    id: UserId,
    /// As typed at sign-up.
    #[schema(examples("ada"))]
    username: String,
    /// Lower-cased.
    #[schema(examples("ada@example.org"))]
    email: String,
    /// Whether the owner of the address has confirmed it.
    email_verified: bool,
    /// Whether it can be used.
    #[schema(value_type = String, examples("active"))]
    status: Status,
    /// Granted scopes.
    grants: Vec<String>,
    /// When it was made.
    created_at: Timestamp,
}

impl ManagedAccount {
    fn new(account: Account, grants: Vec<String>) -> Self {
        Self {
            id: account.id,
            username: account.username,
            email: account.email,
            email_verified: account.email_verified,
            status: account.status,
            grants,
            created_at: account.created_at,
        }
    }

    fn etag(&self) -> ETag {
        ETag::of_bytes(&serde_json::to_vec(self).unwrap_or_default())
    }
}

fn no_account() -> Problem {
    Problem::not_found("There is no account with this id.")
}

fn parse_id(id: &str) -> Result<UserId, Problem> {
    id.parse().map_err(|_| no_account())
}

/// The scope, if there is such a one.
fn parse_scope(scope: &str) -> Result<&'static str, Problem> {
    let known = SCOPES.into_iter().find(|known| *known == scope);
    known.ok_or_else(|| Problem::not_found("There is no scope of this name."))
}

/// Nobody can shut the door behind themselves: there might be nobody left to open it.
fn not_oneself(administrator: UserId, id: UserId) -> Result<(), Problem> {
    if administrator != id {
        return Ok(());
    }
    Err(Problem::unprocessable("own-account", "Administrators can't do this to themselves. Ask another one."))
}

fn found(done: Option<Done>) -> Result<Done, Error> {
    done.ok_or_else(|| no_account().into())
}
