//! The keys of refresh tokens: one per session, at random, kept in the database under the service's own key
//! (XChaCha20-Poly1305, bound to the session's id). Who reads the database can make no token.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use rand::random;
use secrecy::{ExposeSecret, SecretBox};
use uuid::Uuid;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// The key of one session's refresh tokens.
pub type SessionKey = SecretBox<[u8; KEY_BYTES]>;

/// Encrypts and decrypts session keys.
#[derive(Clone)]
pub struct KeyWrap(XChaCha20Poly1305);

/// The service's key isn't the one that the session's key was wrapped with.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("it can't be opened: it was kept under another TRACKLORE_SESSION_KEY")]
pub struct ForeignKey;

/// A new key.
pub fn generate() -> SessionKey {
    SecretBox::new(Box::new(random()))
}

impl KeyWrap {
    /// Wraps with the service's key.
    pub fn new(key: &SecretBox<[u8; KEY_BYTES]>) -> Self {
        Self(XChaCha20Poly1305::new(key.expose_secret().into()))
    }

    /// What to keep of the key of `session`: nonce and ciphertext.
    pub fn wrap(&self, session: Uuid, key: &SessionKey) -> Result<Vec<u8>, ForeignKey> {
        self.seal(session.as_bytes(), key.expose_secret())
    }

    /// The key of `session` from what was kept.
    pub fn unwrap(&self, session: Uuid, wrapped: &[u8]) -> Result<SessionKey, ForeignKey> {
        let key = self.open(session.as_bytes(), wrapped)?;
        let key = <[u8; KEY_BYTES]>::try_from(key).map_err(|_| ForeignKey)?;
        Ok(SecretBox::new(Box::new(key)))
    }

    /// Encrypts anything that only this service may read; it opens only under the same `context`.
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, ForeignKey> {
        let nonce: [u8; NONCE_BYTES] = random();
        let payload = Payload { msg: plain, aad: context };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).map_err(|_| ForeignKey)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// What [`Self::seal`] sealed under this `context`.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, ForeignKey> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(ForeignKey)?;
        let payload = Payload { msg: sealed, aad: context };
        self.0.decrypt(&XNonce::from(*nonce), payload).map_err(|_| ForeignKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrap(byte: u8) -> KeyWrap {
        KeyWrap::new(&SecretBox::new(Box::new([byte; KEY_BYTES])))
    }

    #[test]
    fn a_key_comes_back_only_for_its_session_under_its_key_and_unchanged() {
        let (session, key) = (Uuid::now_v7(), generate());
        let mut wrapped = wrap(1).wrap(session, &key).unwrap();
        assert_eq!(wrap(1).unwrap(session, &wrapped).unwrap().expose_secret(), key.expose_secret());
        assert_eq!(wrap(2).unwrap(session, &wrapped).unwrap_err(), ForeignKey);
        assert_eq!(wrap(1).unwrap(Uuid::now_v7(), &wrapped).unwrap_err(), ForeignKey);
        wrapped[30] ^= 1;
        assert_eq!(wrap(1).unwrap(session, &wrapped).unwrap_err(), ForeignKey);
        assert_eq!(wrap(1).unwrap(session, &[0; 10]).unwrap_err(), ForeignKey);
    }

    #[test]
    fn wrapping_twice_gives_different_bytes() {
        let (session, key) = (Uuid::now_v7(), generate());
        assert_ne!(wrap(1).wrap(session, &key), wrap(1).wrap(session, &key));
    }
}
