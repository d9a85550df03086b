//! Refresh tokens: `base64url(session ‖ counter ‖ HMAC-SHA256)` under the session's key. The same session, counter
//! and key always give the same token, so none has to be kept.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use uuid::Uuid;

use super::key::SessionKey;

/// A refresh token as its bearer says it is; nothing is proven before [`Claimed::is_genuine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The session.
    pub session: Uuid,
    /// Which of the session's tokens.
    pub counter: i64,
    code: [u8; 32],
}

/// The token number `counter` of `session`.
pub fn issue(session: Uuid, counter: i64, key: &SessionKey) -> SecretString {
    let code: [u8; 32] = mac(session, counter, key).finalize().into_bytes().into();
    BASE64.encode([&session.as_bytes()[..], &counter.to_be_bytes(), &code].concat()).into()
}

/// Takes a token apart; `None` when it can't be one.
pub fn parse(token: &SecretString) -> Option<Claimed> {
    let bytes = BASE64.decode(token.expose_secret()).ok()?;
    let (session, rest) = bytes.split_first_chunk::<16>()?;
    let (counter, code) = rest.split_first_chunk::<8>()?;
    Some(Claimed {
        session: Uuid::from_bytes(*session),
        counter: i64::from_be_bytes(*counter),
        code: code.try_into().ok()?,
    })
}

impl Claimed {
    /// Whether it was issued under this key. Takes the same time whatever is wrong.
    pub fn is_genuine(&self, key: &SessionKey) -> bool {
        mac(self.session, self.counter, key).verify(&self.code.into()).is_ok()
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(session: Uuid, counter: i64, key: &SessionKey) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key.expose_secret())
        .expect("HMAC takes keys of any length")
        .chain_update(session.as_bytes())
        .chain_update(counter.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::key::generate, *};

    #[test]
    fn a_token_is_genuine_under_its_own_key_only_and_always_the_same() {
        let (session, key) = (Uuid::now_v7(), generate());
        let token = issue(session, 3, &key);
        let claimed = parse(&token).unwrap();
        assert_eq!((claimed.session, claimed.counter), (session, 3));
        assert!(claimed.is_genuine(&key));
        assert!(!claimed.is_genuine(&generate()));
        assert!(!Claimed { counter: 4, ..claimed }.is_genuine(&key));
        assert!(!Claimed { session: Uuid::now_v7(), ..claimed }.is_genuine(&key));
        assert_eq!(issue(session, 3, &key).expose_secret(), token.expose_secret());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,120}") {
            let _ = parse(&text.into());
        }
    }
}
