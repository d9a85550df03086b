//! What can go wrong in a request, and how the caller hears of it.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tracklore_platform::{problem::Problem, token::TokenError};

use crate::{hasher::HashError, session::key::ForeignKey, store::accounts::InsertError};

/// A failed request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rules of the contract, already in its words.
    #[error("{}", .0.code())]
    Problem(Problem),
    /// No account of this name, or not this password, or it may not be used: always the same answer.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// Too many failures: come again after this.
    #[error("too many attempts")]
    Throttled(Duration),
    /// The name belongs to somebody.
    #[error("username taken")]
    UsernameTaken,
    /// The address belongs to somebody.
    #[error("e-mail taken")]
    EmailTaken,
    /// Not a refresh token, an old one, or its session has ended.
    #[error("invalid refresh token")]
    InvalidRefreshToken,
    /// Not a client, or not its secret.
    #[error("invalid client")]
    InvalidClient,
    /// The access token isn't good, or its session has ended.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A password couldn't be hashed or verified.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error("database failed")]
    Database(#[from] sqlx::Error),
    /// Several ids in a row were taken.
    #[error("no free user id was found")]
    NoFreeId,
    /// A token couldn't be signed.
    #[error("token can't be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
    /// Not the password of the account that the caller is logged in to.
    #[error("wrong password")]
    WrongPassword,
    /// Not a token out of a mail, or no longer good.
    #[error("invalid link")]
    InvalidLink,
    /// A mail couldn't be kept or read.
    #[error("mail isn't readable")]
    Mail(#[source] serde_json::Error),
    /// A session's key couldn't be wrapped.
    #[error(transparent)]
    Wrap(#[from] ForeignKey),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// An account's name or address can't be had; a taken id is for the caller to try again.
impl From<InsertError> for Error {
    fn from(error: InsertError) -> Self {
        match error {
            InsertError::IdTaken => Self::NoFreeId,
            InsertError::UsernameTaken => Self::UsernameTaken,
            InsertError::EmailTaken => Self::EmailTaken,
            InsertError::Database(error) => Self::Database(error),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Problem(problem) => problem,
            Error::InvalidCredentials => Self::unauthorized(
                "invalid-credentials",
                "No account has this name or address and this password.",
            ),
            Error::Throttled(wait) => {
                Self::too_many_requests(wait.as_millis().div_ceil(1000).try_into().unwrap_or(1))
            }
            Error::UsernameTaken => {
                Self::conflict("username-taken", "Somebody has this username. Choose another one.")
            }
            Error::EmailTaken => {
                Self::conflict("email-taken", "There is an account with this e-mail address. Log in instead.")
            }
            Error::InvalidRefreshToken => Self::unauthorized(
                "invalid-refresh-token",
                "The refresh token is not valid (any more). Log in again.",
            ),
            Error::InvalidClient => {
                Self::unauthorized("invalid-client", "No client has this id and this secret.")
            }
            Error::WrongPassword => Self::new(
                StatusCode::FORBIDDEN,
                "wrong-password",
                "This is not the account's password. The change needs it, so that a stolen token isn't enough.",
            ),
            Error::InvalidLink => Self::unprocessable(
                "invalid-link",
                "The token of this link is not valid (any more). Ask for a new mail.",
            ),
            Error::Token(error) => error.into(),
            Error::Hash(HashError::Busy) => Self::unavailable(),
            Error::Database(error) => error.into(),
            Error::Hash(_) | Error::NoFreeId | Error::Sign(_) | Error::Wrap(_) | Error::Mail(_) => {
                Self::internal(&error)
            }
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
