//! Signing up.

use axum::{
    Json as JsonAnswer,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tracklore_platform::{extract::Json, id::UserId, outbox, problem::ProblemBody, time::Timestamp};
use utoipa::ToSchema;

use super::{NO_STORE, OwnAccount, TokenPair};
use crate::{
    SERVICE,
    account::{Account, Candidate},
    error::Error,
    mail::Request,
    responses::{Always, Throttled, WithBody},
    session::{client::Client, open},
    state::AppState,
    store::{
        accounts::{self, InsertError, New},
        audit::What,
    },
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
/// Makes an account and logs it in. Where addresses must be confirmed first, the answer is always 202 with no body: a
/// mail to the address says what comes of it, also when it, or the name, is taken already.
#[utoipa::path(
    post, path = "/v1/auth/signup", tag = "auth",
    security(()),
    responses(
        (status = 201, description = "The account and its first tokens", body = SignedUp),
        (status = 202, description = "Where addresses must be confirmed: a mail is on its way"),
        (status = 409, description = "`username-taken` or `email-taken`, unless addresses must be confirmed",
         body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`validation-failed`: all violations at once in `errors`",
         body = ProblemBody, content_type = "application/problem+json"),
        WithBody, Throttled, Always,
    )
)]
pub async fn sign_up(
    State(state): State<AppState>,
    client: Client,
    Json(body): Json<SignUp>,
) -> Result<Response, Error> {
    let place = state.hasher.place(client.address)?;
    let candidate = Candidate::check(body.username, &body.email, &body.password, state.password_rules)?;
    let ticket = state.throttle.admit(Action::SignUp, None, client.address, Timestamp::now()).await?;
    let hash = match place.hash(candidate.password.clone()).await {
        Ok(hash) => hash,
        Err(error) => {
            state.throttle.take_back(&ticket).await?;
            return Err(error.into());
        }
    };
    if state.verification_required {
        note(&state, candidate, hash).await?;
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    let (account, tokens) = make(&state, &candidate, &hash, &client).await?;
    state.wake();
    let made = SignedUp { tokens, user: account.into() };
    Ok((StatusCode::CREATED, NO_STORE, JsonAnswer(made)).into_response())
}

/// Keeps the sign-up until a mail has proven the address: the same work whoever has the address or the name.
async fn note(state: &AppState, candidate: Candidate, password_hash: String) -> Result<(), Error> {
    let Candidate { username, email, .. } = candidate;
    let mut tx = state.pool.begin().await?;
    let request = Request::SignUp { username, email, password_hash };
    state.mailbox.note(&mut tx, request, Timestamp::now()).await?;
    tx.commit().await?;
    state.wake();
    Ok(())
}

/// Account, session, event and mail in one transaction, with another id when the first one is taken.
async fn make(
    state: &AppState,
    candidate: &Candidate,
    hash: &str,
    client: &Client,
) -> Result<(Account, TokenPair), Error> {
    for _ in 0..ATTEMPTS {
        let now = Timestamp::now();
        let new = New {
            id: UserId::generate(now),
            username: &candidate.username,
            email: &candidate.email,
            email_verified: false,
            password_hash: hash,
        };
        let mut tx = state.pool.begin().await?;
        let account = match accounts::insert(&mut tx, &new, now).await {
            Ok(account) => account,
            Err(InsertError::IdTaken) => continue,
            Err(error) => return Err(error.into()),
        };
        let opened = open::session(state, &mut *tx, (account.id, hash), What::SignedUp, client, now).await?;
        // a new account was granted nothing yet
        let tokens = opened.ok_or(sqlx::Error::RowNotFound)?.tokens(state, "", now)?;
        outbox::append(&mut tx, SERVICE, &account.created()).await?;
        let request = Request::Verify { email: account.email.clone() };
        state.mailbox.note(&mut tx, request, now).await?;
        tx.commit().await?;
        return Ok((account, tokens));
    }
    Err(Error::NoFreeId)
}
