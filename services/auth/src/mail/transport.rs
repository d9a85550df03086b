//! The way out: an SMTP server, or a folder in development.

use std::{path::PathBuf, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart, header},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use uuid::Uuid;

use super::Letter;

/// How long the server may take for each answer…
const TIMEOUT: Duration = Duration::from_secs(20);
/// …and for all of them.
const TOTAL_TIMEOUT: Duration = Duration::from_mins(1);

/// Sends letters.
pub struct Transport {
    from: Mailbox,
    way: Way,
}

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

/// Why a letter didn't leave, or none can.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The setting can't be used. It isn't shown: it may hold a password.
    #[error("TRACKLORE_MAIL_URL can't be used: {0}")]
    Url(&'static str),
    /// The setting isn't an address.
    #[error("TRACKLORE_MAIL_FROM isn't an address such as `Tracklore <no-reply@example.org>`")]
    From(#[source] lettre::address::AddressError),
    /// TLS can't be set up.
    #[error("TRACKLORE_MAIL_URL can't be used")]
    Setup(#[source] lettre::transport::smtp::Error),
    /// Not an address that mail can go to.
    #[error("mail can't be addressed")]
    Address(#[from] lettre::address::AddressError),
    /// A header or the body can't be written.
    #[error("mail can't be written")]
    Compose(#[from] lettre::error::Error),
    /// The server is away or refused.
    #[error("the mail server didn't take it")]
    Smtp(#[from] lettre::transport::smtp::Error),
    /// The server took too long.
    #[error("the mail server took longer than {TOTAL_TIMEOUT:?}")]
    Timeout,
    /// The folder can't be written to.
    #[error("the mail folder can't be written to")]
    Folder(#[from] std::io::Error),
}

impl TransportError {
    /// Whether trying again can't help.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Address(_) | Self::Compose(_) => true,
            Self::Smtp(error) => error.is_permanent(),
            _ => false,
        }
    }
}

impl Transport {
    /// The way that the settings say, logging in with `login` where it isn't in the URL.
    pub fn new(
        url: &SecretString,
        login: Option<(&str, &SecretString)>,
        from: &str,
    ) -> Result<Self, TransportError> {
        let from = from.parse().map_err(TransportError::From)?;
        let mut parsed = Url::parse(url.expose_secret()).map_err(|_| TransportError::Url("it is no URL"))?;
        if let Some((username, password)) = login {
            log_in(&mut parsed, username, password.expose_secret())
                .map_err(|()| TransportError::Url("nobody can log in there"))?;
        }
        let way = match parsed.scheme() {
            "file" => Way::Folder(
                parsed
                    .to_file_path()
                    .map_err(|()| TransportError::Url("file:// needs an absolute folder"))?,
            ),
            "smtp" if parsed.password().is_some() && !requires_tls(&parsed) => {
                return Err(TransportError::Url("a password needs smtps:// or ?tls=required"));
            }
            "smtp" | "smtps" => Way::Smtp(
                AsyncSmtpTransport::<Tokio1Executor>::from_url(parsed.as_str())
                    .map_err(TransportError::Setup)?
                    .timeout(Some(TIMEOUT))
                    .build(),
            ),
            _ => return Err(TransportError::Url("use smtps://, smtp:// or file://")),
        };
        Ok(Self { from, way })
    }

    /// Hands the letter over. The same `id` again is the same mail again, for receivers that notice.
    pub async fn send(&self, id: Uuid, letter: &Letter) -> Result<(), TransportError> {
        let domain = self.from.email.domain();
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, letter.to.parse()?))
            .subject(&letter.subject)
            .message_id(Some(format!("<{id}@{domain}>")))
            // no out-of-office replies, please (RFC 3834)
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))?;
        match &self.way {
            Way::Smtp(server) => match tokio::time::timeout(TOTAL_TIMEOUT, server.send(message)).await {
                Ok(sent) => sent.map(drop).map_err(Into::into),
                Err(_) => Err(TransportError::Timeout),
            },
            Way::Folder(folder) => {
                let (draft, done) = (folder.join(format!(".{id}")), folder.join(format!("{id}.eml")));
                tokio::fs::create_dir_all(folder).await?;
                tokio::fs::write(&draft, message.formatted()).await?;
                // whoever looks into the folder sees whole mails only
                Ok(tokio::fs::rename(draft, done).await?)
            }
        }
    }
}

/// Puts a login into a URL. All is encoded but the percent sign, so that comes first.
fn log_in(url: &mut Url, username: &str, password: &str) -> Result<(), ()> {
    url.set_username(&username.replace('%', "%25"))?;
    url.set_password(Some(&password.replace('%', "%25")))
}

fn requires_tls(url: &Url) -> bool {
    url.query_pairs().any(|(key, value)| key == "tls" && value == "required")
}

#[derive(Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(url: &str) -> Result<Transport, TransportError> {
        Transport::new(&url.into(), None, "Tracklore <no-reply@example.org>")
    }

    #[test]
    fn a_password_never_goes_over_the_wire_in_the_clear() {
        for good in [
            "smtps://ada:secret@mail.example.org:465",
            "smtp://ada:secret@mail.example.org:587?tls=required",
            "smtp://relay.internal:25",
            "file:///var/mail/out",
        ] {
            assert!(new(good).is_ok(), "{good}");
        }
        for bad in [
            "smtp://ada:secret@mail.example.org:587",
            "smtp://ada:secret@mail.example.org:587?tls=opportunistic",
            "https://mail.example.org",
            "mail.example.org",
            "file://relative",
        ] {
            let error = new(bad).map(|_| ()).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert!(Transport::new(&"smtp://relay:25".into(), None, "nobody").is_err());
    }

    #[test]
    fn a_login_beside_the_url_may_hold_any_characters_and_is_guarded_alike() {
        let password = SecretString::from("p@ss:w/rd %41");
        let login = |url: &str| {
            Transport::new(&url.into(), Some(("ada@example.org", &password)), "no-reply@example.org")
        };
        assert!(login("smtp://mail.example.org:587?tls=required").is_ok());
        assert!(login("smtp://mail.example.org:587").is_err());
        assert!(login("file:///var/mail/out").is_err());

        let mut url = Url::parse("smtps://mail.example.org").unwrap();
        log_in(&mut url, "ada@example.org", password.expose_secret()).unwrap();
        assert_eq!(url.as_str(), "smtps://ada%40example.org:p%40ss%3Aw%2Frd%20%2541@mail.example.org");
    }
}
