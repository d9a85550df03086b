//! `POST /v1/auth/email/undo`.

use axum::extract::State;
use http::StatusCode;
use tracklore_platform::{extract::Json, problem::ProblemBody, time::Timestamp};

use super::LinkToken;
use crate::{
    error::Error,
    mail::Request,
    one_time::fingerprint,
    responses::{Always, FromLink, WithBody},
    session::client::Client,
    state::AppState,
    store::{
        accounts,
        audit::{self, Entry, What},
        changes,
        one_time::{self, Claim, Purpose, Subject},
        sessions::{self, Reason},
    },
};

/// Undo the change of an address
///
/// With the token of the mail that the address before got, which is good for 7 days. Whoever made the change knew the
/// password, so the account gets its address back, all sessions end, and no password opens the account until one is set
/// by the mail that follows.
#[utoipa::path(
    post, path = "/v1/auth/email/undo", tag = "email",
    security(()),
    responses(
        (status = 204, description = "The address is the account's again"),
        (status = 409, description = "`email-taken`: another account has the address",
         body = ProblemBody, content_type = "application/problem+json"),
        FromLink, WithBody, Always,
    )
)]
pub async fn undo_email_change(
    State(state): State<AppState>,
    client: Client,
    Json(body): Json<LinkToken>,
) -> Result<StatusCode, Error> {
    let (token, now) = (fingerprint(&body.token), Timestamp::now());
    let mut tx = state.pool.begin().await?;
    let claim = one_time::take(&mut *tx, Purpose::UndoEmailChange, token, now).await?;
    let Some(Claim { subject: Subject::User(user), email }) = claim else { return Err(Error::InvalidLink) };
    accounts::lock(&mut tx, user).await?.ok_or(Error::InvalidLink)?;

    changes::set_email(&mut *tx, user, &email, now).await?;
    changes::want_email(&mut *tx, user, None, now).await?;
    changes::set_password(&mut *tx, user, None, now).await?;
    let links = [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::UndoEmailChange];
    one_time::revoke(&mut *tx, user, &links).await?;
    let ended = sessions::end_all(&mut tx, user, None, Reason::EmailChangeUndone, now).await?;
    audit::append(&mut tx, &Entry::of(user, What::EmailChangeUndone).by(&client), now).await?;
    state.mailbox.note(&mut tx, Request::ResetPassword { email }, now).await?;
    tx.commit().await?;
    state.ended(ended, now);
    Ok(StatusCode::NO_CONTENT)
}
