//! What can go wrong in this service, and what clients get to hear of it.

use axum::response::{IntoResponse, Response};
use tracklore_platform::{problem::Problem, service_client::CallError};

use crate::domain::Nameless;

/// Why a request isn't done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("database failed")]
    Database(#[from] sqlx::Error),
    /// Auth failed.
    #[error("auth failed")]
    Auth(#[from] CallError),
    /// Auth told of an account that can't be one.
    #[error("auth told something impossible")]
    Account(#[from] Nameless),
    /// There is no such user (any more).
    #[error("no such user")]
    NoSuchUser,
    /// The token is good, but its user is gone.
    #[error("the caller's account is gone")]
    CallerGone,
    /// Nobody follows or blocks themselves.
    #[error("the other one is the caller")]
    Oneself,
    /// There is no such goal, badge or award.
    #[error("no such {0}")]
    Missing(&'static str),
    /// The request is against a rule.
    #[error("refused with {}", .0.code())]
    Refused(Problem),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => error.into(),
            Error::Auth(error) => error.into(),
            Error::Account(error) => Self::internal(&error),
            Error::NoSuchUser => Self::not_found("There is no such user."),
            Error::CallerGone => {
                Self::unauthorized("invalid-token", "The account of this access token is gone.")
            }
            Error::Oneself => Self::unprocessable("not-yourself", "Nobody can follow or block themselves."),
            Error::Missing(what) => Self::not_found(format!("There is no such {what}.")),
            Error::Refused(problem) => problem,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
