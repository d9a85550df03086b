//! The password once more: what changes who owns an account takes more than an access token, which may be stolen.

use secrecy::SecretString;
use tracklore_platform::{id::UserId, token::TokenError};

use crate::{
    account::{Account, normalize_password},
    error::Error,
    state::AppState,
    store::accounts,
};

/// That the caller knew the password. It holds for the hash that was there then: pass it to [`accounts::lock`].
pub struct Proof {
    /// The account as it was then.
    pub account: Account,
    /// The hash that the password fits.
    pub password_hash: String,
}

/// Proves that `password` is the one of `user`, or fails with `wrong-password`.
pub async fn password(state: &AppState, user: UserId, password: &SecretString) -> Result<Proof, Error> {
    let found = accounts::credentials_by_id(&state.pool, user).await?.ok_or(TokenError::Invalid)?;
    let right = state.hasher.verify(normalize_password(password), found.password_hash.clone()).await?;
    match found.password_hash.filter(|_| right) {
        Some(password_hash) => Ok(Proof { account: found.account, password_hash }),
        None => Err(Error::WrongPassword),
    }
}
