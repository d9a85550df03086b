//! Addresses: confirmed, or taken back, by who reads the mail that goes there.

pub mod resend;
pub mod undo;
pub mod verify;

use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use tracklore_platform::{time::Timestamp, validate::Violations};
use utoipa::ToSchema;

use crate::{
    account::check_email, error::Error, mail::Request, session::client::Client, state::AppState,
    throttle::Action,
};

/// Where a mail shall go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Compared without regard to case. Whatever it is, and be it no address at all, the answer is the same.
    #[schema(examples("ada@example.org"))]
    email: String,
}

/// A link's token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkToken {
    /// What stands behind the `#` of the link in the mail.
    #[schema(value_type = String)]
    token: SecretString,
}

/// Notes what is asked for an address and says so: 202 whatever the address, with the same work. What can't be an
/// address can't be known either.
pub async fn note(
    state: &AppState,
    client: &Client,
    address: Address,
    request: impl FnOnce(String) -> Request,
) -> Result<StatusCode, Error> {
    let now = Timestamp::now();
    let ticket = state.throttle.admit(Action::Mail, None, client.address, now).await?;
    let mut violations = Violations::default();
    let email = check_email(&mut violations, &address.email);
    if violations.finish().is_ok() {
        let mut tx = state.pool.begin().await?;
        state.mailbox.note(&mut tx, request(email), now).await?;
        tx.commit().await?;
        state.wake();
    }
    // it counts, however it went
    drop(ticket);
    Ok(StatusCode::ACCEPTED)
}
