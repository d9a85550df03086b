//! Secrets of a stack, sealed for a place that others may read: backups are written sealed by `tracklore-backup`, and the
//! operator opens them for a stack that is restored.
//!
//! A seal is one line of text: `tracklore-seal-1:` and, in base64, a random nonce of 24 bytes followed by the content under
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha). Its key is HMAC-SHA-256 of the text that people keep.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What a seal begins with. What can't be read any more some day will bear another number.
const MARK: &str = "tracklore-seal-1:";
/// What the key is for, so that one text may serve for other things, too.
const PURPOSE: &[u8] = b"tracklore: secrets in backups";
/// Bytes that a key must have at least: those of 32 random bytes in base64 are 44.
pub const SHORTEST_KEY: usize = 32;
const NONCE: usize = 24;

/// Why something can't be sealed or opened.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Anybody could try all of them.
    #[error("the key has {0} bytes and needs at least {SHORTEST_KEY}; make one by: openssl rand -base64 32")]
    ShortKey(usize),
    /// It isn't a seal, or one of a later version.
    #[error("this isn't a seal that this version can read")]
    NotASeal,
    /// The key is another one, or the seal was changed.
    #[error("the seal doesn't open: it was made with another key, or it was changed")]
    WrongKey,
    /// It couldn't be sealed.
    #[error("sealing failed")]
    Failed,
}

/// What is sealed of a stack: for each Secret, named as the operator names it without the stack, its keys and their texts.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secrets(pub BTreeMap<String, BTreeMap<String, String>>);

impl Secrets {
    /// Seals them.
    pub fn seal(&self, key: &str) -> Result<String, Error> {
        let plain = serde_json::to_vec(self).map_err(|_| Error::Failed)?;
        let nonce: [u8; NONCE] = rand::random();
        let content = Payload { msg: &plain, aad: MARK.as_bytes() };
        let sealed = cipher(key)?.encrypt(&XNonce::from(nonce), content).map_err(|_| Error::Failed)?;
        Ok(format!("{MARK}{}", STANDARD.encode([&nonce[..], &sealed].concat())))
    }

    /// Opens what [`Self::seal`] has made with the same key.
    pub fn open(key: &str, seal: &str) -> Result<Self, Error> {
        let bytes = seal.trim().strip_prefix(MARK).and_then(|text| STANDARD.decode(text).ok());
        let bytes = bytes.ok_or(Error::NotASeal)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(Error::NotASeal)?;
        let content = Payload { msg: sealed, aad: MARK.as_bytes() };
        let plain = cipher(key)?.decrypt(&XNonce::from(*nonce), content).map_err(|_| Error::WrongKey)?;
        serde_json::from_slice(&plain).map_err(|_| Error::NotASeal)
    }
}

/// Names and nothing of what they hold.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn cipher(key: &str) -> Result<XChaCha20Poly1305, Error> {
    // A line's end is no part of what people keep.
    let key = key.trim();
    if key.len() < SHORTEST_KEY {
        return Err(Error::ShortKey(key.len()));
    }
    let mut derived =
        <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key.as_bytes()).map_err(|_| Error::Failed)?;
    derived.update(PURPOSE);
    let derived: [u8; 32] = derived.finalize().into_bytes().into();
    Ok(XChaCha20Poly1305::new(&derived.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "thirty-two random bytes in base64, say";

    fn secrets(text: &str) -> Secrets {
        Secrets(BTreeMap::from([(
            "auth-session-key".into(),
            BTreeMap::from([("session-key".into(), text.into())]),
        )]))
    }

    #[test]
    fn what_was_sealed_opens_with_the_same_key_and_with_no_other() {
        let seal = secrets("a").seal(KEY).unwrap();
        assert_eq!(Secrets::open(&format!("{KEY}\n"), &format!("{seal}\n")), Ok(secrets("a")));
        assert_eq!(Secrets::open(&format!("{KEY}x"), &seal), Err(Error::WrongKey));
    }

    #[test]
    fn a_short_key_is_refused_with_how_to_make_a_long_one() {
        let sentence = secrets("a").seal("a password").unwrap_err().to_string();
        assert!(sentence.contains("10 bytes") && sentence.contains("openssl rand -base64 32"), "{sentence}");
    }

    #[test]
    fn no_two_seals_are_alike_and_none_shows_what_is_in_it() {
        let (one, other) = (secrets("plain").seal(KEY).unwrap(), secrets("plain").seal(KEY).unwrap());
        assert_ne!(one, other);
        assert!(!one.contains("plain") && !format!("{:?}", secrets("plain")).contains("plain"));
    }

    proptest! {
        #[test]
        fn a_seal_that_was_changed_anywhere_does_not_open(text in ".{0,64}", at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let seal = secrets(&text).seal(KEY).unwrap();
            let mut bytes = STANDARD.decode(seal.strip_prefix(MARK).unwrap()).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let changed = format!("{MARK}{}", STANDARD.encode(bytes));
            prop_assert_eq!(Secrets::open(KEY, &changed), Err(Error::WrongKey));
        }

        #[test]
        fn anything_else_is_no_seal_and_does_no_harm(text in ".{0,80}") {
            prop_assert!(Secrets::open(KEY, &text).is_err());
            let marked = [MARK, &text].concat();
            prop_assert!(Secrets::open(KEY, &marked).is_err());
        }
    }
}
