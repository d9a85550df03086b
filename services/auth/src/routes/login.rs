//! Logging in.

use axum::{Json as JsonAnswer, extract::State, response::IntoResponse};
use http::HeaderMap;
use secrecy::SecretString;
use serde::Deserialize;
use tracklore_platform::{extract::Json, problem::ProblemBody, time::Timestamp};
use utoipa::ToSchema;

use super::{NO_STORE, TokenPair};
use crate::{
    account::{Status, normalize_email, normalize_password},
    error::Error,
    responses::{Always, WithBody},
    session::open,
    state::AppState,
    store::accounts,
};

/// Who logs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// E-mail address or username, in whatever case.
    #[schema(examples("ada"))]
    login: String,
    /// The account's password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Log in
///
/// Begins a session. Whatever is wrong, the answer is the same and takes the same time.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "auth",
    responses(
        (status = 200, description = "The session's first tokens", body = TokenPair),
        (status = 401, description = "`invalid-credentials`",
         body = ProblemBody, content_type = "application/problem+json"),
        WithBody, Always,
    )
)]
pub async fn log_in(
    State(state): State<AppState>,
    headers: HeaderMap,
    Json(body): Json<LogIn>,
) -> Result<impl IntoResponse, Error> {
    let found = if body.login.contains('\0') {
        // no text of the database has it
        None
    } else {
        accounts::credentials(&state.pool, &body.login, &normalize_email(&body.login)).await?
    };
    let (account, hash) = found.map(|found| (found.account, found.password_hash)).unzip();
    let right = state.hasher.verify(normalize_password(&body.password), hash).await?;
    let account = account
        .filter(|account| right && account.status == Status::Active)
        .ok_or(Error::InvalidCredentials)?;
    let mut connection = state.pool.acquire().await?;
    let tokens = open::session(&state, &mut connection, account.id, &headers, Timestamp::now()).await?;
    Ok((NO_STORE, JsonAnswer(tokens)))
}
