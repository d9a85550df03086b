//! `POST /v1/auth/email/verify`.

use axum::extract::State;
use http::StatusCode;
use sqlx::PgConnection;
use tracklore_platform::{extract::Json, id::UserId, outbox, problem::ProblemBody, time::Timestamp};
use uuid::Uuid;

use super::LinkToken;
use crate::{
    SERVICE,
    error::Error,
    one_time::{Fingerprint, fingerprint},
    responses::{Always, FromLink, WithBody},
    session::client::Client,
    state::AppState,
    store::{
        accounts::{self, InsertError, New},
        audit::{self, Entry, What},
        changes, names,
        one_time::{self, Purpose, Subject},
        signups,
    },
};

/// See [`super::super::signup`].
const ATTEMPTS: usize = 5;

/// Confirm an address
///
/// With the token of a mail, which is good once, for 24 hours: makes the account of a sign-up, or gives an account its
/// new address.
#[utoipa::path(
    post, path = "/v1/auth/email/verify", tag = "email",
    security(()),
    responses(
        (status = 204, description = "The address is confirmed; an account that waited for it can log in"),
        (status = 409, description = "`username-taken` or `email-taken` by somebody who was faster: sign up again",
         body = ProblemBody, content_type = "application/problem+json"),
        FromLink, WithBody, Always,
    )
)]
pub async fn verify_email(
    State(state): State<AppState>,
    client: Client,
    Json(body): Json<LinkToken>,
) -> Result<StatusCode, Error> {
    let token = fingerprint(&body.token);
    for _ in 0..ATTEMPTS {
        let mut tx = state.pool.begin().await?;
        match confirm(&mut tx, token, &client, Timestamp::now()).await {
            Ok(()) => {}
            // another id, in another transaction
            Err(Error::NoFreeId) => continue,
            Err(error) => return Err(error),
        }
        tx.commit().await?;
        state.wake();
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Error::NoFreeId)
}

async fn confirm(
    tx: &mut PgConnection,
    token: Fingerprint,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    let claim = one_time::take(&mut *tx, Purpose::VerifyEmail, token, now).await?;
    let claim = claim.ok_or(Error::InvalidLink)?;
    match claim.subject {
        Subject::SignUp(id) => make_account(tx, id, client, now).await,
        Subject::User(user) => confirm_address(tx, user, &claim.email, client, now).await,
    }
}

async fn make_account(
    tx: &mut PgConnection,
    sign_up: Uuid,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    let pending = signups::take(tx, sign_up).await?.ok_or(Error::InvalidLink)?;
    let new = New {
        id: UserId::generate(now),
        username: &pending.username,
        email: &pending.email,
        email_verified: true,
        password_hash: &pending.password_hash,
    };
    let account = accounts::insert(tx, &new, now).await?;
    outbox::append(tx, SERVICE, &account.created()).await?;
    audit::append(tx, &Entry::of(account.id, What::SignedUp).by(client), now).await?;
    Ok(())
}

async fn confirm_address(
    tx: &mut PgConnection,
    user: UserId,
    email: &str,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    let account = accounts::lock(tx, user).await?.ok_or(Error::InvalidLink)?;
    if account.email == email {
        changes::set_email(&mut *tx, user, email, now).await?;
        audit::append(tx, &Entry::of(user, What::EmailVerified).by(client), now).await?;
        return Ok(());
    }
    // only the address that is wanted last
    if changes::wanted_email(&mut *tx, user, now).await?.as_deref() != Some(email) {
        return Err(Error::InvalidLink);
    }
    if names::availability(tx, &account.username, email, Some(user), now).await?.email_taken {
        return Err(InsertError::EmailTaken.into());
    }
    changes::set_email(&mut *tx, user, email, now).await?;
    changes::want_email(&mut *tx, user, None, now).await?;
    one_time::revoke(&mut *tx, user, &[Purpose::ResetPassword, Purpose::VerifyEmail]).await?;
    audit::append(tx, &Entry::of(user, What::EmailChanged).by(client), now).await?;
    Ok(())
}
