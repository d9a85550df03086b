//! Routes for the other services, on a port of their own that is never routed to the outside.

mod token;
mod users;

use axum::{
    Router,
    routing::{get, post},
};

use crate::state::AppState;

/// All of them. `users:batch` is no parameter: the colon is part of the name.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/internal/v1/token", post(token::issue))
        .route("/internal/v1/users", get(users::find))
        .route("/internal/v1/users/{id}", get(users::read))
        .route("/internal/v1/users:batch", post(users::batch))
}
