//! What a handler can fail with, and how the client hears of it.

use axum::response::{IntoResponse, Response};
use tracklore_platform::{problem::Problem, token::TokenError};

/// Why a request was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It isn't there, or not for this caller: the two look the same.
    #[error("no such post")]
    NotFound,
    /// The caller sees the post but may not do this with it.
    #[error("the post is another's")]
    Forbidden,
    /// The caller's account was deleted after the token was given.
    #[error("the author's account is deleted")]
    AuthorDeleted,
    /// The request is against the contract.
    #[error("refused with {}", .0.code())]
    Refused(Problem),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found("There is no such post."),
            Error::Forbidden => Self::forbidden("Only the author may do this."),
            Error::AuthorDeleted => TokenError::Invalid.into(),
            Error::Refused(problem) => problem,
            Error::Database(error) => error.into(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
