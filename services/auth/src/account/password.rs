//! Which passwords are good enough: long, and not the first ones anybody would try (NIST SP 800-63B-4 §3.1.1.2). No
//! rules about kinds of characters: they make passwords worse.

use secrecy::{ExposeSecret, SecretString};
use tracklore_platform::validate::length_within;
use unicode_normalization::UnicodeNormalization;

/// Fewest characters (Unicode code points).
const MIN: usize = 15;
/// Most characters.
const MAX: usize = 128;
/// A unit of so many characters, over and over, is no longer password than the unit.
const MAX_REPEATED: usize = 8;

/// Long passwords that lists of leaked ones have; shorter ones are refused by their length.
const COMMON: &[&str] = &[
    "123456789012345",
    "1234567890123456",
    "12345678901234567890",
    "0123456789012345",
    "1234567890abcdef",
    "123456789abcdefg",
    "abcdefghijklmno",
    "abcdefghijklmnop",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfgh",
    "qwertyuiopasdfghjkl",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertyuiop123456",
    "1234567890qwertyuiop",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv",
    "1qaz2wsx3edc4rfv5tgb",
    "zaq12wsxcde34rfv",
    "password12345678",
    "password123456789",
    "password1234567890",
    "passwordpassword1",
    "iloveyouiloveyou1",
    "correcthorsebatterystaple",
    "correct horse battery staple",
    "letmeinletmeinnow",
    "administrator123",
    "administrator1234",
];

/// Why a password isn't good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Too short or too long.
    #[error("{MIN} to {MAX} characters.")]
    Length,
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

/// Whether a normalised password is good enough for this account.
pub fn check(password: &SecretString, username: &str, email: &str) -> Result<(), Weakness> {
    let lower = SecretString::from(password.expose_secret().to_lowercase());
    let lower = lower.expose_secret();
    if !length_within(password.expose_secret(), MIN, MAX) {
        Err(Weakness::Length)
    } else if lower == username.to_lowercase() || lower == email.to_lowercase() {
        Err(Weakness::Public)
    } else if COMMON.contains(&lower) || is_repetition(lower) {
        Err(Weakness::Common)
    } else {
        Ok(())
    }
}

/// Whether it is a short unit over and over, such as `abcabcabcabcabc`.
fn is_repetition(text: &str) -> bool {
    (1..=MAX_REPEATED).any(|unit| text.chars().zip(text.chars().skip(unit)).all(|(a, b)| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Result<(), Weakness> {
        super::check(&normalize(&password.into()), "ada-lovelace-1815", "ada.lovelace@example.org")
    }

    #[test]
    fn length_counts_code_points_after_composition() {
        assert_eq!(check("fourteen chars"), Err(Weakness::Length));
        assert_eq!(check("fifteen  chars!"), Ok(()));
        assert_eq!(check("äöüßéèêñçåøæœđł"), Ok(()));
        // fourteen letters, one of them typed as two code points
        assert_eq!(check("e\u{301}tourdissement"), Err(Weakness::Length));
        let long: String = ('a'..='z').cycle().take(128).collect();
        assert_eq!(check(&long), Ok(()));
        assert_eq!(check(&format!("{long}x")), Err(Weakness::Length));
    }

    #[test]
    fn what_anybody_would_try_is_refused() {
        for common in
            ["correct horse battery staple", "aaaaaaaaaaaaaaa", "Passwordpassword", "ABCabcabcabcabcab"]
        {
            assert_eq!(check(common), Err(Weakness::Common), "{common}");
        }
        for public in ["ada-lovelace-1815", "Ada.Lovelace@example.org"] {
            assert_eq!(check(public), Err(Weakness::Public), "{public}");
        }
    }
}
