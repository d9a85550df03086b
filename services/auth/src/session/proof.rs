//! The password once more: what changes who owns an account takes more than an access token, which may be stolen.

use secrecy::SecretString;
use tracklore_platform::{id::UserId, time::Timestamp, token::TokenError};

use super::client::Client;
use crate::{
    account::{Account, normalize_password},
    error::Error,
    hasher::Place,
    state::AppState,
    store::{
        accounts,
        audit::{self, Entry, What},
    },
    throttle::Action,
};

/// That the caller knew the password. It holds for the hash that was there then: pass it to [`accounts::lock_proven`].
pub struct Proof {
    /// The account as it was then.
    pub account: Account,
    /// The hash that the password fits.
    pub password_hash: String,
}

/// Proves that `password` is the one of `user`, or fails with `wrong-password`. Who holds a stolen token can't guess
/// faster than at a log-in.
pub async fn password(
    state: &AppState,
    user: UserId,
    client: &Client,
    password: &SecretString,
) -> Result<Proof, Error> {
    let place = state.hasher.place(client.address)?;
    let (subject, now) = (user.to_string(), Timestamp::now());
    let ticket = state.throttle.admit(Action::Prove, Some(&subject), client.address, now).await?;
    match attempt(state, user, place, password).await {
        Ok(Some(proof)) => {
            let mut connection = state.pool.acquire().await?;
            state.throttle.succeeded(&mut connection, Action::Prove, &ticket, &[&subject], now).await?;
            Ok(proof)
        }
        Ok(None) => {
            let mut connection = state.pool.acquire().await?;
            audit::append(&mut connection, &Entry::of(user, What::PasswordRefused).by(client), now).await?;
            Err(Error::WrongPassword)
        }
        Err(error) => {
            state.throttle.take_back(&ticket).await?;
            Err(error)
        }
    }
}

async fn attempt(
    state: &AppState,
    user: UserId,
    place: Place,
    password: &SecretString,
) -> Result<Option<Proof>, Error> {
    let found = accounts::credentials_by_id(&state.pool, user).await?.ok_or(TokenError::Invalid)?;
    let (password, hash) = (normalize_password(password), found.password_hash);
    let right = place.verify(password, hash.clone()).await?;
    let account = found.account;
    Ok(hash.filter(|_| right).map(|password_hash| Proof { account, password_hash }))
}
