//! Logging in.

use axum::{Json as JsonAnswer, extract::State, response::IntoResponse};
use secrecy::SecretString;
use serde::Deserialize;
use sqlx::PgConnection;
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
    let mut proven = None;
    if let (Some(account), Some(mut hash)) = (account.as_ref().filter(|account| usable(account)), hash) {
        if state.hasher.is_outdated(&hash) {
            hash = renew_hash(state, client, account, &hash, password).await?;
        }
        proven = Some((account.id, hash));
    }

    let now = Timestamp::now();
    let mut tx = state.pool.begin().await?;
    // what ended the sessions meanwhile, such as another password, ends this attempt, too
    let Some((user, scope)) = grants::hold(&mut *tx, proven).await? else {
        let entry = Entry::failed_log_in(account.map(|account| account.id)).by(client);
        audit::append(&mut tx, &entry, now).await?;
        tx.commit().await?;
        return Ok(None);
    };
    let tokens = open::session(state, &mut tx, user, &scope, What::LoggedIn, client, now).await?;
    if let Some(account) = account {
        forget_failures(state, &mut tx, ticket, &account, now).await?;
    }
    tx.commit().await?;
    Ok(Some(tokens))
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

/// Forgets the failures before, under both names of the account.
async fn forget_failures(
    state: &AppState,
    connection: &mut PgConnection,
    ticket: &Ticket,
    account: &Account,
    now: Timestamp,
) -> Result<(), Error> {
    let names = [normalize_email(&account.username), account.email.clone()];
    let names = names.each_ref().map(String::as_str);
    state.throttle.succeeded(connection, Action::LogIn, ticket, &names, now).await
}
