//! Signing up.

use axum::{Json as JsonAnswer, extract::State, response::IntoResponse};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tracklore_platform::{
    client_address::ClientAddress, extract::Json, id::UserId, outbox, problem::ProblemBody, time::Timestamp,
};
use utoipa::ToSchema;

use super::{NO_STORE, OwnAccount, TokenPair};
use crate::{
    SERVICE,
    account::{Account, Candidate},
    error::Error,
    responses::{Always, Throttled, WithBody},
    session::open,
    state::AppState,
    store::accounts::{self, InsertError},
    throttle::Action,
};

/// Ids of one millisecond are 4,096: a second conflict in a row means that something else is wrong.
const ATTEMPTS: usize = 5;

/// Who signs up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// Compared without regard to case.
    #[schema(max_length = 254, format = Email, examples("ada@example.org"))]
    email: String,
    /// Letters, digits, `_` and `-`, beginning with a letter; compared without regard to case.
    #[schema(min_length = 3, max_length = 30, pattern = "^[A-Za-z][A-Za-z0-9_-]*$", examples("ada"))]
    username: String,
    /// Counted in Unicode code points after NFC. Not the username, not the address, nothing everybody tries first.
    #[schema(value_type = String, format = Password, min_length = 15, max_length = 128)]
    password: SecretString,
}

/// A new account, logged in.
#[derive(Serialize, ToSchema)]
pub struct SignedUp {
    #[serde(flatten)]
    tokens: TokenPair,
    /// The account.
    user: OwnAccount,
}

/// Sign up
///
/// Makes an account and logs it in.
#[utoipa::path(
    post, path = "/v1/auth/signup", tag = "auth",
    responses(
        (status = 201, description = "The account and its first tokens", body = SignedUp),
        (status = 409, description = "`username-taken` or `email-taken`",
         body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`validation-failed`: all violations at once in `errors`",
         body = ProblemBody, content_type = "application/problem+json"),
        WithBody, Throttled, Always,
    )
)]
pub async fn sign_up(
    State(state): State<AppState>,
    client: ClientAddress,
    headers: HeaderMap,
    Json(body): Json<SignUp>,
) -> Result<impl IntoResponse, Error> {
    let candidate = Candidate::check(body.username, &body.email, &body.password, state.password_rules)?;
    let ticket = state.throttle.admit(Action::SignUp, None, client, Timestamp::now()).await?;
    let hash = match state.hasher.hash(client, candidate.password.clone()).await {
        Ok(hash) => hash,
        Err(error) => {
            state.throttle.take_back(ticket).await?;
            return Err(error.into());
        }
    };
    let (account, tokens) = make(&state, &candidate, &hash, &headers).await?;
    state.relay.wake();
    Ok((StatusCode::CREATED, NO_STORE, JsonAnswer(SignedUp { tokens, user: account.into() })))
}

/// Account, session and event in one transaction, with another id when the first one is taken.
async fn make(
    state: &AppState,
    candidate: &Candidate,
    hash: &str,
    headers: &HeaderMap,
) -> Result<(Account, TokenPair), Error> {
    for _ in 0..ATTEMPTS {
        let now = Timestamp::now();
        let mut tx = state.pool.begin().await?;
        let account = match accounts::insert(&mut tx, UserId::generate(now), candidate, hash, now).await {
            Ok(account) => account,
            Err(InsertError::IdTaken) => continue,
            Err(InsertError::UsernameTaken) => return Err(Error::UsernameTaken),
            Err(InsertError::EmailTaken) => return Err(Error::EmailTaken),
            Err(InsertError::Database(error)) => return Err(error.into()),
        };
        let tokens = open::session(state, &mut tx, account.id, headers, now).await?;
        outbox::append(&mut tx, SERVICE, &account.created()).await?;
        tx.commit().await?;
        return Ok((account, tokens));
    }
    Err(Error::NoFreeId)
}
