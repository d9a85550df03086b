//! What an outsider's request comes to, found out where nobody can watch: after it was answered.

use sqlx::PgConnection;
use tracklore_platform::{id::UserId, time::Timestamp};
use uuid::Uuid;

use super::{Letter, Request, letters::Writer};
use crate::{
    account::Status,
    error::Error,
    store::{
        accounts, changes, names,
        one_time::{self, Purpose, Subject},
        signups::{self, Pending},
    },
};

/// The letter that answers the request, if there is anything to say.
pub async fn answer(
    tx: &mut PgConnection,
    writer: &Writer,
    request: Request,
    now: Timestamp,
) -> Result<Option<Letter>, Error> {
    match request {
        Request::SignUp { username, email, password_hash } => {
            let pending = Pending { id: Uuid::now_v7(), username, email, password_hash };
            sign_up(tx, writer, &pending, now).await
        }
        Request::Verify { email } => verify(tx, writer, &email, now).await,
        Request::ResetPassword { email } => reset_password(tx, writer, &email, now).await,
        Request::ChangeEmail { user, email } => change_email(tx, writer, user, &email, now).await,
    }
}

async fn sign_up(
    tx: &mut PgConnection,
    writer: &Writer,
    pending: &Pending,
    now: Timestamp,
) -> Result<Option<Letter>, Error> {
    let (username, email) = (&pending.username, &pending.email);
    if let Some(owner) = accounts::by_email(&mut *tx, email).await? {
        return Ok(Some(writer.address_known(&owner)));
    }
    let found = names::availability(tx, username, email, None, now).await?;
    if found.email_taken {
        // it may still go back to the account that had it; its owner has a mail about that
        return Ok(None);
    }
    if found.username_taken {
        return Ok(Some(writer.username_taken(email, username)));
    }
    signups::insert(&mut *tx, pending, now).await?;
    let token = one_time::issue(tx, Purpose::VerifyEmail, Subject::SignUp(pending.id), email, now).await?;
    Ok(Some(writer.verify(email, username, &token)))
}

/// Whatever waits for this address: an account, another address for an account, or a sign-up.
async fn verify(
    tx: &mut PgConnection,
    writer: &Writer,
    email: &str,
    now: Timestamp,
) -> Result<Option<Letter>, Error> {
    let (subject, name) = if let Some(account) = accounts::by_email(&mut *tx, email).await? {
        if account.email_verified || account.status != Status::Active {
            return Ok(None);
        }
        (Subject::User(account.id), account.username)
    } else if let Some(user) = changes::who_wants(&mut *tx, email, now).await? {
        let Some(account) = accounts::by_id(&mut *tx, user).await? else { return Ok(None) };
        (Subject::User(user), account.username)
    } else if let Some(pending) = signups::last_with(&mut *tx, email, now).await? {
        (Subject::SignUp(pending.id), pending.username)
    } else {
        return Ok(None);
    };
    let token = one_time::issue(tx, Purpose::VerifyEmail, subject, email, now).await?;
    Ok(Some(writer.verify(email, &name, &token)))
}

async fn reset_password(
    tx: &mut PgConnection,
    writer: &Writer,
    email: &str,
    now: Timestamp,
) -> Result<Option<Letter>, Error> {
    let account = accounts::by_email(&mut *tx, email).await?;
    let Some(account) = account.filter(|account| account.status == Status::Active) else { return Ok(None) };
    let token = one_time::issue(tx, Purpose::ResetPassword, Subject::User(account.id), email, now).await?;
    Ok(Some(writer.reset_password(&account, &token)))
}

async fn change_email(
    tx: &mut PgConnection,
    writer: &Writer,
    user: UserId,
    email: &str,
    now: Timestamp,
) -> Result<Option<Letter>, Error> {
    if let Some(owner) = accounts::by_email(&mut *tx, email).await? {
        return Ok(Some(writer.address_known(&owner)));
    }
    let wanted = changes::wanted_email(&mut *tx, user, now).await?;
    let account = accounts::by_id(&mut *tx, user).await?;
    let Some(account) = account.filter(|_| wanted.as_deref() == Some(email)) else { return Ok(None) };
    let token = one_time::issue(tx, Purpose::VerifyEmail, Subject::User(user), email, now).await?;
    Ok(Some(writer.verify(email, &account.username, &token)))
}
