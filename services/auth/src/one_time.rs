//! Tokens that stand in links of mails: 256 random bits. The database knows their SHA-256 only; that is enough for
//! what can't be guessed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A token on its way into a mail.
pub struct OneTimeToken(SecretString);

/// What the database knows of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl OneTimeToken {
    /// A new one.
    pub fn generate() -> Self {
        Self(BASE64.encode(rand::random::<[u8; 32]>()).into())
    }

    /// Its fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.0)
    }

    /// The token, for the link.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The fingerprint of what somebody says is a token.
pub fn fingerprint(token: &SecretString) -> Fingerprint {
    Fingerprint(Sha256::digest(token.expose_secret()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_fits_into_a_link_and_is_known_by_its_fingerprint() {
        let token = OneTimeToken::generate();
        assert_eq!(token.expose().len(), 43);
        assert!(token.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(fingerprint(&token.expose().into()), token.fingerprint());
        assert_ne!(OneTimeToken::generate().fingerprint(), token.fingerprint());
    }
}
