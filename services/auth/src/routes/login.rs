//! Logging in.

use axum::{Json as JsonAnswer, extract::State, response::IntoResponse};
use http::HeaderMap;
use secrecy::SecretString;
use serde::Deserialize;
use tracklore_platform::{
    client_address::ClientAddress, extract::Json, problem::ProblemBody, time::Timestamp,
};
use utoipa::ToSchema;

use super::{NO_STORE, TokenPair};
use crate::{
    account::{Account, Status, normalize_email, normalize_password},
    error::Error,
    responses::{Always, Throttled, WithBody},
    session::open,
    state::AppState,
    store::accounts,
    throttle::{Action, Ticket},
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
/// Begins a session. Whatever is wrong, the answer is the same and takes the same time. Five failures on a name are
/// free, whether there is such an account or not; then each doubles the time to wait.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "auth",
    responses(
        (status = 200, description = "The session's first tokens", body = TokenPair),
        (status = 401, description = "`invalid-credentials`",
         body = ProblemBody, content_type = "application/problem+json"),
        WithBody, Throttled, Always,
    )
)]
pub async fn log_in(
    State(state): State<AppState>,
    client: ClientAddress,
    headers: HeaderMap,
    Json(body): Json<LogIn>,
) -> Result<impl IntoResponse, Error> {
    let name = normalize_email(&body.login);
    let ticket = state.throttle.admit(Action::LogIn, Some(&name), client, Timestamp::now()).await?;
    let password = normalize_password(&body.password);
    let account = match prove(&state, client, &body.login, &name, password).await {
        Ok(account) => account.ok_or(Error::InvalidCredentials)?,
        Err(error) => {
            // nothing was tried: the service is busy, or the database away
            state.throttle.take_back(ticket).await?;
            return Err(error);
        }
    };
    welcome(&state, ticket, &account).await?;
    let mut tx = state.pool.begin().await?;
    let tokens = open::session(&state, &mut tx, account.id, &headers, Timestamp::now()).await?;
    tx.commit().await?;
    Ok((NO_STORE, JsonAnswer(tokens)))
}

/// The account, if there is one that may be used and this is its password. Each no takes the same way.
async fn prove(
    state: &AppState,
    client: ClientAddress,
    login: &str,
    email: &str,
    password: SecretString,
) -> Result<Option<Account>, Error> {
    let found = if login.contains('\0') {
        // no text of the database has it
        None
    } else {
        accounts::credentials(&state.pool, login, email).await?
    };
    let (account, hash) = found.map(|found| (found.account, found.password_hash)).unzip();
    let right = state.hasher.verify(client, password.clone(), hash.clone()).await?;
    let account = account.filter(|account| right && account.status == Status::Active);
    if let (Some(account), Some(old)) = (&account, hash.filter(|hash| state.hasher.is_outdated(hash))) {
        renew_hash(state, client, account, &old, password).await?;
    }
    Ok(account)
}

/// Makes the hash as strong as new ones are, now that the password is at hand.
async fn renew_hash(
    state: &AppState,
    client: ClientAddress,
    account: &Account,
    old: &str,
    password: SecretString,
) -> Result<(), Error> {
    let new = state.hasher.hash(client, password).await?;
    accounts::replace_hash(&state.pool, account.id, old, &new).await?;
    tracing::info!(user = %account.id, "password hash renewed");
    Ok(())
}

/// Forgets the failures before, under both names of the account.
async fn welcome(state: &AppState, ticket: Ticket, account: &Account) -> Result<(), Error> {
    let names = [normalize_email(&account.username), account.email.clone()];
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    state.throttle.succeeded(Action::LogIn, ticket, &names, Timestamp::now()).await
}
