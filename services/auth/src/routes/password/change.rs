//! `POST /v1/auth/password/change`.

use axum::extract::State;
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use tracklore_platform::{extract::Json, problem::ProblemBody, time::Timestamp, token::TokenError};
use utoipa::ToSchema;

use crate::{
    account::check_new_password,
    error::Error,
    mail::Kind,
    responses::{Always, LoggedIn, PasswordAsked, Throttled, WithBody},
    session::{client::Client, live::Live, proof},
    state::AppState,
    store::{
        accounts,
        audit::{self, Entry, What},
        changes,
        one_time::{self, Purpose},
        sessions::{self, Reason},
    },
};

/// The present password and the next.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The account's present password.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// Counted in Unicode code points after NFC. Not the username, not the address, nothing everybody tries first.
    #[schema(value_type = String, format = Password, min_length = 15, max_length = 128)]
    new_password: SecretString,
}

/// Change the password
///
/// All other sessions end.
#[utoipa::path(
    post, path = "/v1/auth/password/change", tag = "password",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The account has the new password"),
        (status = 422, description = "`validation-failed`: the new password isn't good enough",
         body = ProblemBody, content_type = "application/problem+json"),
        WithBody, LoggedIn, PasswordAsked, Throttled, Always,
    )
)]
pub async fn change_password(
    State(state): State<AppState>,
    Live(user): Live,
    client: Client,
    Json(body): Json<PasswordChange>,
) -> Result<StatusCode, Error> {
    let account = accounts::by_id(&state.pool, user.id).await?.ok_or(TokenError::Invalid)?;
    let password = check_new_password(&body.new_password, &account, state.password_rules)?;
    let proof = proof::password(&state, user.id, &client, &body.current_password).await?;
    let hash = state.hasher.place(client.address)?.hash(password).await?;

    let now = Timestamp::now();
    let mut tx = state.pool.begin().await?;
    let account = accounts::lock_proven(&mut tx, &proof).await?.ok_or(Error::WrongPassword)?;
    changes::set_password(&mut *tx, user.id, Some(&hash), now).await?;
    one_time::revoke(&mut *tx, user.id, &[Purpose::ResetPassword]).await?;
    let current = Some(user.session_id);
    let ended = sessions::end_all(&mut tx, user.id, current, Reason::PasswordChanged, now).await?;
    let entry = Entry::of(user.id, What::PasswordChanged).session(user.session_id).by(&client);
    audit::append(&mut tx, &entry, now).await?;
    state.mailbox.put(&mut tx, Kind::Notice, state.writer.password_changed(&account), now).await?;
    tx.commit().await?;
    state.ended(ended, now);
    Ok(StatusCode::NO_CONTENT)
}
