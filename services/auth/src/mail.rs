//! Mails. A mail is a row in the transaction of what it tells ([`Mailbox::put`]), so none is sent for what was rolled
//! back and none is lost; a courier in every replica takes the rows to the mail server ([`courier`]).
//!
//! What an address gets depends on whether it is known here, and nobody who asks may learn that. So a request of an
//! outsider is only noted, the same way for every address ([`Request`]), and answered; whether there is an account, and
//! what it is to be told, is found out by the courier ([`requests`]).

pub mod courier;
mod letter;
pub mod letters;
mod requests;
mod transport;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use tokio::sync::Notify;
use tracklore_platform::{cli, id::UserId, time::Timestamp};
use uuid::Uuid;

pub use letter::Letter;
pub use transport::{Transport, TransportError};

use crate::{
    error::Error,
    session::key::KeyWrap,
    store::mails::{self, Waiting},
};

/// How many mails of one kind an address gets in [`BUDGET_SPAN`]; what is beyond is dropped and nobody is told.
const BUDGET: i64 = 5;
const BUDGET_SPAN: Duration = Duration::from_hours(1);

/// The mail server.
#[derive(clap::Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "the options are called so")]
pub struct MailArgs {
    /// Where mails go: `smtps://user:password@host:465`, `smtp://user:password@host:587?tls=required`, or
    /// `file:///folder` for development. What can't be sent is tried again, after growing
    /// pauses, for 24 hours (links to reset a password for 30 minutes). Without it no mail is sent, and addresses
    /// can't be confirmed.
    #[arg(long, env = "TRACKLORE_MAIL_URL", hide_env_values = true, value_parser = cli::secret)]
    pub mail_url: Option<SecretString>,
    /// The user at the mail server, as it is: in the URL it would have to be percent-encoded.
    #[arg(long, env = "TRACKLORE_MAIL_USERNAME", requires = "mail_password")]
    pub mail_username: Option<String>,
    /// The password of that user.
    #[arg(long, env = "TRACKLORE_MAIL_PASSWORD", hide_env_values = true, value_parser = cli::secret, requires = "mail_username")]
    pub mail_password: Option<SecretString>,
    /// The sender of all mails, such as `Tracklore <no-reply@example.org>`.
    #[arg(long, env = "TRACKLORE_MAIL_FROM", default_value = "Tracklore <no-reply@localhost>")]
    pub mail_from: String,
}

/// What a mail is about, for the budget and the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An address is to be confirmed.
    VerifyEmail,
    /// A password is to be set.
    ResetPassword,
    /// An address is about to be replaced, and may object.
    EmailChange,
    /// Something about the account has changed.
    Notice,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
            Self::EmailChange => "email-change",
            Self::Notice => "notice",
        }
    }

    /// A mail that couldn't be sent for so long is given up: its link, if it has one, isn't good for longer.
    const fn patience(self) -> Duration {
        match self {
            Self::ResetPassword => Duration::from_mins(30),
            Self::VerifyEmail | Self::EmailChange | Self::Notice => Duration::from_hours(24),
        }
    }
}

/// What an outsider asks for. What comes of it is found out later.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// An account, once the address is confirmed.
    SignUp {
        /// As typed.
        username: String,
        /// Lower-cased.
        email: String,
        /// A PHC string.
        password_hash: String,
    },
    /// Another mail with a link that confirms the address.
    Verify {
        /// Lower-cased.
        email: String,
    },
    /// A link that sets a new password.
    ResetPassword {
        /// Lower-cased.
        email: String,
    },
    /// Another address for an account.
    ChangeEmail {
        /// Whose.
        user: UserId,
        /// The new one, lower-cased.
        email: String,
    },
}

/// What a row of the table holds, encrypted.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Content {
    Letter(Letter),
    Request(Request),
}

/// Where mails wait for the courier.
#[derive(Clone)]
pub struct Mailbox {
    key: KeyWrap,
    wake: Arc<Notify>,
    /// Whether there is a courier at all.
    in_use: bool,
}

impl Request {
    fn kind(&self) -> Kind {
        match self {
            Self::SignUp { .. } | Self::Verify { .. } | Self::ChangeEmail { .. } => Kind::VerifyEmail,
            Self::ResetPassword { .. } => Kind::ResetPassword,
        }
    }

    fn email(&self) -> &str {
        match self {
            Self::SignUp { email, .. }
            | Self::Verify { email }
            | Self::ResetPassword { email }
            | Self::ChangeEmail { email, .. } => email,
        }
    }
}

impl Mailbox {
    /// Encrypts under `key`; nothing is kept unless mails are `in_use`.
    pub fn new(key: KeyWrap, in_use: bool) -> Self {
        Self { key, wake: Arc::default(), in_use }
    }

    /// Call after a commit that put mails here, so that they leave at once.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Keeps a letter within the caller's transaction.
    pub async fn put(
        &self,
        connection: &mut PgConnection,
        kind: Kind,
        letter: Letter,
        now: Timestamp,
    ) -> Result<(), Error> {
        let to = letter.to.clone();
        self.keep(connection, kind, &to, &Content::Letter(letter), now).await
    }

    /// Notes a request within the caller's transaction: the same work whatever the address.
    pub async fn note(
        &self,
        connection: &mut PgConnection,
        request: Request,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (kind, email) = (request.kind(), request.email().to_owned());
        self.keep(connection, kind, &email, &Content::Request(request), now).await
    }

    async fn keep(
        &self,
        connection: &mut PgConnection,
        kind: Kind,
        address: &str,
        content: &Content,
        now: Timestamp,
    ) -> Result<(), Error> {
        if !self.in_use {
            return Ok(());
        }
        let budget = budget(kind, address);
        if mails::spent(connection, budget, now.minus(BUDGET_SPAN)).await? >= BUDGET {
            tracing::info!(kind = kind.as_str(), "an address gets no more mails of this kind for now");
            metrics::counter!(crate::metrics::MAILS.name, "kind" => kind.as_str(), "outcome" => "over-budget")
                .increment(1);
            return Ok(());
        }
        let id = Uuid::now_v7();
        let sealed = self.seal(id, content)?;
        let give_up_at = now.plus(kind.patience());
        let mail = Waiting { id, budget, kind: kind.as_str(), sealed: &sealed, give_up_at };
        Ok(mails::insert(connection, &mail, now).await?)
    }

    fn seal(&self, id: Uuid, content: &Content) -> Result<Vec<u8>, Error> {
        Ok(self.key.seal(&context(id), &serde_json::to_vec(content).map_err(Error::Mail)?)?)
    }

    fn open(&self, id: Uuid, sealed: &[u8]) -> Result<Content, Error> {
        serde_json::from_slice(&self.key.open(&context(id), sealed)?).map_err(Error::Mail)
    }
}

/// Keeps sealed mails apart from all else that is sealed with the same key.
fn context(id: Uuid) -> Vec<u8> {
    [b"mail".as_slice(), id.as_bytes()].concat()
}

fn budget(kind: Kind, address: &str) -> [u8; 32] {
    Sha256::new().chain_update(kind.as_str()).chain_update([0]).chain_update(address).finalize().into()
}
