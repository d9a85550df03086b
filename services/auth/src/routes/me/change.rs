//! `PATCH /v1/auth/me`.

use axum::{Json, extract::State, response::IntoResponse};
use http::{HeaderMap, header};
use secrecy::SecretString;
use serde::Deserialize;
use sqlx::PgConnection;
use tracklore_platform::{
    extract::MergePatch, patch::Patch, problem::ProblemBody, time::Timestamp, validate::Violations,
};
use utoipa::ToSchema;

use super::super::OwnAccount;
use crate::{
    account::{Account, check_email, check_username},
    error::Error,
    mail::{Kind, Request},
    responses::{Always, Guarded, LoggedIn, PasswordAsked, Throttled, WithBody},
    session::{client::Client, live::Live, proof},
    state::AppState,
    store::{
        accounts,
        audit::{self, Entry, What},
        changes,
        one_time::{self, Purpose, Subject},
    },
};

/// What shall be different.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    /// Another name; the one before can't be had by anybody else for 30 days.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 30, pattern = "^[A-Za-z][A-Za-z0-9_-]*$", nullable = false)]
    username: Patch<String>,
    /// Another address. It counts once it is confirmed; until then it is `pending_email`. The present one forgets a
    /// change that is under way.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 254, format = Email, nullable = false)]
    email: Patch<String>,
    /// The account's present password, whatever else is changed.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

struct Wishes {
    username: Option<String>,
    email: Option<String>,
}

impl AccountPatch {
    fn wishes(&self) -> Result<Wishes, Error> {
        let mut violations = Violations::default();
        let username = self.username.value().cloned();
        if let Some(username) = &username {
            check_username(&mut violations, username);
        }
        let email = self.email.value().map(|email| check_email(&mut violations, email));
        for (field, pointer) in [(&self.username, "/username"), (&self.email, "/email")] {
            violations.require(*field != Patch::Clear, pointer, "An account can't be without it.");
        }
        violations.finish()?;
        Ok(Wishes { username, email })
    }
}

/// Change your own account
///
/// A JSON merge patch (RFC 7396) with the present password beside it. A new address gets a mail with a link that
/// confirms it; the one before is told and can undo the change for 7 days. Whether somebody else has the new address
/// is not said.
#[utoipa::path(
    patch, path = "/v1/auth/me", tag = "account",
    security(("bearer" = [])),
    params(("If-Match" = Option<String>, Header, description = "Change only if the account has this `ETag`")),
    request_body(content(
        (AccountPatch = "application/merge-patch+json"),
        (AccountPatch = "application/json"),
    )),
    responses(
        (status = 200, description = "The account as it is now", body = OwnAccount,
         headers(("ETag" = String, description = "Changes with the account"))),
        (status = 409, description = "`username-taken`",
         body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`validation-failed`: all violations at once in `errors`",
         body = ProblemBody, content_type = "application/problem+json"),
        WithBody, LoggedIn, PasswordAsked, Throttled, Guarded, Always,
    )
)]
pub async fn change_account(
    State(state): State<AppState>,
    Live(user): Live,
    client: Client,
    headers: HeaderMap,
    MergePatch(patch): MergePatch<AccountPatch>,
) -> Result<impl IntoResponse, Error> {
    let wishes = patch.wishes()?;
    let proof = proof::password(&state, user.id, &client, &patch.password).await?;

    let now = Timestamp::now();
    let mut tx = state.pool.begin().await?;
    let mut account = accounts::lock_proven(&mut tx, &proof).await?.ok_or(Error::WrongPassword)?;
    super::own(&mut tx, account.clone(), now).await?.1.check_if_match(&headers)?;
    if let Some(username) = wishes.username.filter(|name| *name != account.username) {
        let detail = serde_json::json!({"from": account.username, "to": username});
        account = changes::rename(&mut tx, &account, &username, now).await?;
        let entry = Entry::of(user.id, What::UsernameChanged).session(user.session_id).by(&client);
        audit::append(&mut tx, &entry.detail(detail), now).await?;
    }
    if let Some(email) = wishes.email {
        change_email(&state, &mut tx, &account, &email, now).await?;
        if email != account.email {
            let entry = Entry::of(user.id, What::EmailChangeRequested).session(user.session_id).by(&client);
            audit::append(&mut tx, &entry, now).await?;
        }
    }
    let (own, tag) = super::own(&mut tx, account, now).await?;
    tx.commit().await?;
    state.wake();
    Ok(([(header::ETAG, tag.header())], Json(own)))
}

/// Notes the new address and tells both. One that nobody ever confirmed isn't told: it may be a stranger's.
async fn change_email(
    state: &AppState,
    tx: &mut PgConnection,
    account: &Account,
    email: &str,
    now: Timestamp,
) -> Result<(), Error> {
    one_time::revoke(&mut *tx, account.id, &[Purpose::VerifyEmail]).await?;
    if email == account.email {
        return Ok(changes::want_email(tx, account.id, None, now).await?);
    }
    changes::want_email(&mut *tx, account.id, Some(email), now).await?;
    state.mailbox.note(tx, Request::ChangeEmail { user: account.id, email: email.to_owned() }, now).await?;
    if account.email_verified {
        let subject = Subject::User(account.id);
        let undo = one_time::issue(&mut *tx, Purpose::UndoEmailChange, subject, &account.email, now).await?;
        let letter = state.writer.email_change(account, email, &undo);
        state.mailbox.put(tx, Kind::EmailChange, letter, now).await?;
    }
    Ok(())
}
