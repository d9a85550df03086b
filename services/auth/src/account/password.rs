//! Which passwords are good enough: long, and not the first ones anybody would try (NIST SP 800-63B-4 §3.1.1.2). No
//! rules about kinds of characters: they make passwords worse.

mod common;

use std::ops::RangeInclusive;

use secrecy::{ExposeSecret, SecretString};
use tracklore_platform::validate::length_within;
use unicode_normalization::UnicodeNormalization;

/// Most characters.
const MAX: usize = 128;
/// What the fewest characters may be set to (Unicode code points).
const MINIMA: RangeInclusive<i64> = 8..=64;
/// A unit of so many characters, over and over, is no longer password than the unit.
const MAX_REPEATED: usize = 8;

/// What a password must be like, as far as it can be set.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct PasswordRules {
    /// Fewest characters of a password, 8 to 64. NIST asks for 15 where a password is all that a log-in takes.
    #[arg(long = "password-min-length", env = "TRACKLORE_PASSWORD_MIN_LENGTH", default_value_t = 15,
          value_parser = clap::value_parser!(u8).range(MINIMA))]
    min: u8,
}

/// Why a password isn't good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Too short or too long.
    #[error("{min} to {MAX} characters.")]
    Length {
        /// Fewest.
        min: u8,
    },
    /// Everybody knows it.
    #[error("This password is among the first that anybody would try.")]
    Common,
    /// Anybody can see it.
    #[error("The password must differ from the username and the e-mail address.")]
    Public,
}

/// The form in which passwords are checked and hashed: however the keyboard composes an accent, it is the same one.
pub fn normalize(password: &SecretString) -> SecretString {
    password.expose_secret().nfc().collect::<String>().into()
}

impl PasswordRules {
    /// Whether a normalised password is good enough for this account.
    pub fn check(self, password: &SecretString, username: &str, email: &str) -> Result<(), Weakness> {
        let lower = SecretString::from(password.expose_secret().to_lowercase());
        let lower = lower.expose_secret();
        let local = email.rsplit_once('@').map_or(email, |(local, _)| local).to_lowercase();
        if !length_within(password.expose_secret(), usize::from(self.min), MAX) {
            Err(Weakness::Length { min: self.min })
        } else if [username.to_lowercase(), email.to_lowercase(), local].iter().any(|public| lower == public)
        {
            Err(Weakness::Public)
        } else if common::is_common(lower) || is_repetition(lower) {
            Err(Weakness::Common)
        } else {
            Ok(())
        }
    }
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self { min: 15 }
    }
}

/// Whether it is a short unit over and over, such as `abcabcabcabcabc`.
fn is_repetition(text: &str) -> bool {
    // at least half of the unit comes again: a short text would be one unit, whatever it is
    let longest = MAX_REPEATED.min(text.chars().count() * 2 / 3);
    (1..=longest).any(|unit| text.chars().zip(text.chars().skip(unit)).all(|(a, b)| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_from(min: u8, password: &str) -> Result<(), Weakness> {
        let password = normalize(&password.into());
        PasswordRules { min }.check(&password, "ada-lovelace-1815", "ada.lovelace@example.org")
    }

    fn check(password: &str) -> Result<(), Weakness> {
        check_from(15, password)
    }

    #[test]
    fn length_counts_code_points_after_composition() {
        let too_short = Err(Weakness::Length { min: 15 });
        assert_eq!(check("fourteen chars"), too_short);
        assert_eq!(check("fifteen  chars!"), Ok(()));
        assert_eq!(check("äöüßéèêñçåøæœđł"), Ok(()));
        // fourteen letters, one of them typed as two code points
        assert_eq!(check("e\u{301}tourdissement"), too_short);
        let long: String = ('a'..='z').cycle().take(128).collect();
        assert_eq!(check(&long), Ok(()));
        assert_eq!(check(&format!("{long}x")), too_short);
        assert_eq!(
            (check_from(8, "8 chars!"), check_from(8, "7 chars")),
            (Ok(()), Err(Weakness::Length { min: 8 }))
        );
    }

    #[test]
    fn what_anybody_would_try_is_refused() {
        for common in [
            "correct horse battery staple",
            "aaaaaaaaaaaaaaa",
            "Passwordpassword",
            "ABCabcabcabcabcab",
            "Password-123456789!",
        ] {
            assert_eq!(check(common), Err(Weakness::Common), "{common}");
        }
        assert_eq!(check_from(8, "sunshine"), Err(Weakness::Common));
        for public in ["ada-lovelace-1815", "Ada.Lovelace@example.org"] {
            assert_eq!(check(public), Err(Weakness::Public), "{public}");
        }
        assert_eq!(check_from(8, "Ada.Lovelace"), Err(Weakness::Public));
    }
}
