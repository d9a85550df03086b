//! Why a read fails, and what the client sees of it.

use axum::response::{IntoResponse, Response};
use redis::RedisError;
use tracklore_platform::problem::{Chain, Problem};

/// A read that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client asked for something that isn't right.
    #[error("bad request")]
    Problem(Problem),
    /// Redis doesn't answer or can't run the function.
    #[error("Redis can't be read")]
    Redis(#[from] RedisError),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Redis(_) => {
                tracing::warn!(error = %Chain(&self), "the read model is away");
                Problem::unavailable().into_response()
            }
        }
    }
}
