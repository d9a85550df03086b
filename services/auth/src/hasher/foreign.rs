//! Hashes that other programs made, taken over with their accounts: bcrypt, and PBKDF2 as Django writes it. They are
//! good for one log-in, which renews them. Until then a log-in takes as long as its hash does.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;
use subtle::ConstantTimeEq;

const TAG_BYTES: usize = 32;
/// More would be minutes.
const MOST_BCRYPT_COST: u32 = 16;
const MOST_ITERATIONS: u32 = 10_000_000;

/// A hash that isn't argon2's.
pub enum Foreign<'a> {
    /// `$2b$12$…`
    Bcrypt(&'a str),
    /// `pbkdf2_sha256$600000$salt$tag`
    Django(&'a str),
}

/// It can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the imported hash can't be read")]
pub struct Unreadable;

struct Pbkdf2<'a> {
    iterations: u32,
    salt: &'a str,
    tag: [u8; TAG_BYTES],
}

/// Which kind of hash it looks like, if it is one of these.
pub fn parse(stored: &str) -> Option<Foreign<'_>> {
    if stored.starts_with("$2") {
        Some(Foreign::Bcrypt(stored))
    } else {
        stored.strip_prefix("pbkdf2_sha256$").map(Foreign::Django)
    }
}

impl Foreign<'_> {
    /// Whether it is the hash of `password`.
    pub fn verify(&self, password: &[u8]) -> Result<bool, Unreadable> {
        match self {
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).map_err(|_| Unreadable),
            Self::Django(rest) => {
                let expected = Pbkdf2::parse(rest).ok_or(Unreadable)?;
                let mut tag = [0; TAG_BYTES];
                pbkdf2_hmac::<Sha256>(password, expected.salt.as_bytes(), expected.iterations, &mut tag);
                Ok(tag.ct_eq(&expected.tag).into())
            }
        }
    }

    /// Whether it can be verified, and in a time that somebody would wait; if not, why not.
    pub fn check_imported(&self) -> Result<(), &'static str> {
        match self {
            Self::Bcrypt(hash) => match hash.parse::<bcrypt::HashParts>() {
                Ok(parts) if parts.get_cost() <= MOST_BCRYPT_COST => Ok(()),
                Ok(_) => Err("its cost is above 16"),
                Err(_) => Err("it begins as bcrypt's do, and isn't one"),
            },
            Self::Django(rest) => match Pbkdf2::parse(rest) {
                Some(hash) if (1..=MOST_ITERATIONS).contains(&hash.iterations) => Ok(()),
                Some(_) => Err("it has no or more than 10,000,000 iterations"),
                None => Err("it begins as Django's do, and isn't one"),
            },
        }
    }
}

impl<'a> Pbkdf2<'a> {
    fn parse(rest: &'a str) -> Option<Self> {
        let mut parts = rest.split('$');
        let (iterations, salt, tag) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
        let tag = BASE64.decode(tag).ok()?.try_into().ok()?;
        parts.next().is_none().then_some(Self { iterations, salt, tag })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Openwall's test vector.
    const BCRYPT: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    /// By Python's hashlib.
    const DJANGO: &str = "pbkdf2_sha256$1000$seasalt2$fMfu+nM1i1Y3xS++VjggGrNnG0/VCjPr9eeoPIR0ZA8=";

    fn verify(password: &str, stored: &str) -> bool {
        parse(stored).unwrap().verify(password.as_bytes()).unwrap()
    }

    #[test]
    fn known_hashes_are_verified() {
        assert!(verify("U*U", BCRYPT) && !verify("U*V", BCRYPT));
        assert!(verify("a long enough secret", DJANGO) && !verify("another long secret", DJANGO));
        assert!(parse("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g").is_none());
    }

    #[test]
    fn what_can_t_be_verified_or_takes_too_long_is_refused() {
        for good in [BCRYPT, DJANGO] {
            assert_eq!(parse(good).unwrap().check_imported(), Ok(()));
        }
        for bad in [
            "$2a$05$short",
            "$2",
            &BCRYPT.replace("$05$", "$17$"),
            &DJANGO.replace("$1000$", "$0$"),
            &DJANGO.replace("$1000$", "$99999999$"),
            &DJANGO.replace("$1000$", "$many$"),
            &format!("{DJANGO}$more"),
            "pbkdf2_sha256$1000$salt$short",
        ] {
            assert!(parse(bad).unwrap().check_imported().is_err(), "{bad}");
        }
    }
}
