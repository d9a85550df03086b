//! Logging in.

use axum::{Json as JsonAnswer, extract::State, response::IntoResponse};
use secrecy::SecretString;
use serde::Deserialize;
use tracklore_platform::{extract::Json, problem::ProblemBody, time::Timestamp};
use utoipa::ToSchema;

use super::{NO_STORE, TokenPair};
use crate::{
    account::{normalize_email, normalize_password},
    error::Error,
    responses::{Always, WithBody},
    session::{client::Client, open},
    state::AppState,
    store::{
        accounts,
        audit::{self, Entry, What},
    },
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
    client: Client,
    Json(body): Json<LogIn>,
) -> Result<impl IntoResponse, Error> {
    let found = if body.login.contains('\0') {
        // no text of the database has it
        None
    } else {
        accounts::credentials(&state.pool, &body.login, &normalize_email(&body.login)).await?
    };
    let (account, hash) = found.map(|found| (found.account, found.password_hash)).unzip();
    let hash = hash.flatten();
    let right = state.hasher.verify(normalize_password(&body.password), hash.clone()).await?;
    let now = Timestamp::now();
    let mut tx = state.pool.begin().await?;
    // the password may have been changed meanwhile, which must end this attempt as it ends the sessions
    let found = account.as_ref().map(|account| account.id).zip(hash.filter(|_| right));
    let usable = accounts::lock_for_log_in(&mut tx, found, state.verification_required).await?;
    let Some(user) = usable else {
        let entry = Entry::failed_log_in(account.map(|account| account.id)).by(&client);
        audit::append(&mut tx, &entry, now).await?;
        tx.commit().await?;
        return Err(Error::InvalidCredentials);
    };
    let tokens = open::session(&state, &mut tx, user, What::LoggedIn, &client, now).await?;
    tx.commit().await?;
    Ok((NO_STORE, JsonAnswer(tokens)))
}
