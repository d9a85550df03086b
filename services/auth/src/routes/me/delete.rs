//! `DELETE /v1/auth/me`.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use tracklore_platform::{extract::Json, time::Timestamp};
use utoipa::ToSchema;

use crate::{
    error::Error,
    mail::Kind,
    responses::{Always, Guarded, LoggedIn, PasswordAsked, Throttled, WithBody},
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

/// That it is meant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Farewell {
    /// The account's present password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Delete your own account
///
/// For ever. Here address, password, name and sessions are gone at once; the other services follow within seconds. The
/// name can't be had by anybody else for 30 days. The audit trail keeps what happened, under the id only, until its
/// retention ends.
#[utoipa::path(
    delete, path = "/v1/auth/me", tag = "account",
    security(("bearer" = [])),
    params(("If-Match" = Option<String>, Header, description = "Delete only if the account has this `ETag`")),
    responses(
        (status = 202, description = "The account is gone; what the other services have of it is being deleted"),
        WithBody, LoggedIn, PasswordAsked, Throttled, Guarded, Always,
    )
)]
pub async fn delete_account(
    State(state): State<AppState>,
    Live(user): Live,
    client: Client,
    headers: HeaderMap,
    Json(body): Json<Farewell>,
) -> Result<StatusCode, Error> {
    let proof = proof::password(&state, user.id, &client, &body.password).await?;
    let now = Timestamp::now();
    let mut tx = state.pool.begin().await?;
    let account = accounts::lock_proven(&mut tx, &proof).await?.ok_or(Error::WrongPassword)?;
    super::own(&mut tx, account.clone(), now).await?.1.check_if_match(&headers)?;

    let ended = sessions::end_all(&mut tx, user.id, None, Reason::AccountDeleted, now).await?;
    sessions::erase(&mut *tx, user.id).await?;
    let links = [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::UndoEmailChange];
    one_time::revoke(&mut *tx, user.id, &links).await?;
    changes::erase(&mut tx, &account, now).await?;
    audit::append(&mut tx, &Entry::of(user.id, What::Deleted).session(user.session_id).by(&client), now)
        .await?;
    state.mailbox.put(&mut tx, Kind::Notice, state.writer.deleted(&account), now).await?;
    tx.commit().await?;
    state.ended(ended, now);
    Ok(StatusCode::ACCEPTED)
}
