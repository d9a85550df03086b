//! `POST /v1/auth/password/reset/confirm`.

use axum::extract::State;
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use tracklore_platform::{extract::Json, time::Timestamp};
use utoipa::ToSchema;

use crate::{
    account::check_new_password,
    error::Error,
    mail::Kind,
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

/// A link's token and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordReset {
    /// What stands behind the `#` of the link in the mail.
    #[schema(value_type = String)]
    token: SecretString,
    /// Counted in Unicode code points after NFC. Not the username, not the address, nothing everybody tries first.
    #[schema(value_type = String, format = Password, min_length = 15, max_length = 128)]
    new_password: SecretString,
}

/// Set a new password
///
/// With the token of a mail, which is good once, for 30 minutes. All sessions end; the address counts as confirmed.
#[utoipa::path(
    post, path = "/v1/auth/password/reset/confirm", tag = "password",
    security(()),
    responses(
        (status = 204, description = "The account has the new password"),
        FromLink, WithBody, Always,
    )
)]
pub async fn reset_password(
    State(state): State<AppState>,
    client: Client,
    Json(body): Json<PasswordReset>,
) -> Result<StatusCode, Error> {
    let token = fingerprint(&body.token);
    // who can't show a good token has nothing hashed for them, and a bad password doesn't cost the token
    let claim = one_time::look(&state.pool, Purpose::ResetPassword, token, Timestamp::now()).await?;
    let Some(Claim { subject: Subject::User(user), .. }) = claim else { return Err(Error::InvalidLink) };
    let account = accounts::by_id(&state.pool, user).await?.ok_or(Error::InvalidLink)?;
    let password = check_new_password(&body.new_password, &account, state.password_rules)?;
    let hash = state.hasher.place(client.address)?.hash(password).await?;

    let now = Timestamp::now();
    let mut tx = state.pool.begin().await?;
    let account = accounts::lock(&mut tx, user).await?.ok_or(Error::InvalidLink)?;
    let claim = one_time::take(&mut *tx, Purpose::ResetPassword, token, now).await?;
    let claim = claim.filter(|claim| claim.email == account.email).ok_or(Error::InvalidLink)?;
    changes::set_password(&mut *tx, user, Some(&hash), now).await?;
    changes::set_email(&mut *tx, user, &claim.email, now).await?;
    one_time::revoke(&mut *tx, user, &[Purpose::ResetPassword]).await?;
    let ended = sessions::end_all(&mut tx, user, None, Reason::PasswordChanged, now).await?;
    audit::append(&mut tx, &Entry::of(user, What::PasswordReset).by(&client), now).await?;
    state.mailbox.put(&mut tx, Kind::Notice, state.writer.password_changed(&account), now).await?;
    tx.commit().await?;
    state.ended(ended, now);
    Ok(StatusCode::NO_CONTENT)
}
