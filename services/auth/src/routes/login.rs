//! Logging in.

use axum::{Json as JsonAnswer, extract::State, response::IntoResponse};
use secrecy::SecretString;
use serde::Deserialize;
use tracklore_platform::{extract::Json, problem::ProblemBody, time::Timestamp};
use utoipa::ToSchema;

use super::{NO_STORE, TokenPair};
use crate::{
    account::{Account, Status, normalize_email, normalize_password},
    error::Error,
    hasher::Place,
    responses::{Always, Throttled, WithBody},
    session::{client::Client, open},
    state::AppState,
    store::{
        accounts,
        audit::{self, Entry, What},
        grants,
    },
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
    security(()),
    responses(
        (status = 200, description = "The session's first tokens", body = TokenPair),
        (status = 401, description = "`invalid-credentials`",
         body = ProblemBody, content_type = "application/problem+json"),
        WithBody, Throttled, Always,
    )
)]
pub async fn log_in(
    State(state): State<AppState>,
    client: Client,
    Json(body): Json<LogIn>,
) -> Result<impl IntoResponse, Error> {
    // a flood costs next to nothing: it gets here, and no further
    let place = state.hasher.place(client.address)?;
    let name = normalize_email(&body.login);
    let ticket = state.throttle.admit(Action::LogIn, Some(&name), client.address, Timestamp::now()).await?;
    let password = normalize_password(&body.password);
    match attempt(&state, &client, place, &ticket, &body.login, &name, password).await {
        Ok(Some(tokens)) => Ok((NO_STORE, JsonAnswer(tokens))),
        Ok(None) => Err(Error::InvalidCredentials),
        Err(error) => {
            // nothing was tried: the service is busy, or the database away
            state.throttle.take_back(&ticket).await?;
            Err(error)
        }
    }
}

/// A session of the account, if there is one that may be used and this is its password. Each no takes the same way and
/// is noted.
async fn attempt(
    state: &AppState,
    client: &Client,
    place: Place,
    ticket: &Ticket,
    login: &str,
    email: &str,
    password: SecretString,
) -> Result<Option<TokenPair>, Error> {
    let found = if login.contains('\0') {
        // no text of the database has it
        None
    } else {
        accounts::credentials(&state.pool, login, email).await?
    };
    let (account, hash) = found.map(|found| (found.account, found.password_hash)).unzip();
    let hash = hash.flatten();
    let right = place.verify(password.clone(), hash.clone()).await?;
    let usable = |account: &Account| {
        right && account.status == Status::Active && (account.email_verified || !state.verification_required)
    };
    let now = Timestamp::now();
    let begun = match (account.as_ref().filter(|account| usable(account)), hash) {
        (Some(account), Some(hash)) => {
            let hash = if state.hasher.is_outdated(&hash) {
                renew_hash(state, client, account, &hash, password).await?
            } else {
                hash
            };
            begin(state, client, ticket, account, &hash, now).await?
        }
        _ => None,
    };
    if begun.is_none() {
        let entry = Entry::failed_log_in(account.map(|account| account.id)).by(client);
        let mut connection = state.pool.acquire().await?;
        audit::append(&mut connection, &entry, now).await?;
    }
    Ok(begun)
}

/// A session of the account that had this hash. What ends its sessions meanwhile, such as another password, ends this attempt,
/// too.
async fn begin(
    state: &AppState,
    client: &Client,
    ticket: &Ticket,
    account: &Account,
    hash: &str,
    now: Timestamp,
) -> Result<Option<TokenPair>, Error> {
    let mut connection = state.pool.acquire().await?;
    let begun = open::session(state, &mut *connection, (account.id, hash), What::LoggedIn, client, now);
    let Some(opened) = begun.await? else { return Ok(None) };
    let scope = grants::scope(&mut *connection, account.id).await?;
    let names = [normalize_email(&account.username), account.email.clone()];
    let names = names.each_ref().map(String::as_str);
    state.throttle.succeeded(&mut connection, Action::LogIn, ticket, &names, now).await?;
    Ok(Some(opened.tokens(state, &scope, now)?))
}

/// Makes the hash as strong as new ones are, now that the password is at hand; the new one.
async fn renew_hash(
    state: &AppState,
    client: &Client,
    account: &Account,
    old: &str,
    password: SecretString,
) -> Result<String, Error> {
    let new = state.hasher.place(client.address)?.hash(password).await?;
    accounts::replace_hash(&state.pool, account.id, old, &new).await?;
    tracing::info!(user = %account.id, "password hash renewed");
    Ok(new)
}
