//! What a username looks like. Auth owns the rule and decides on names; here it only spares look-ups of what can't be one.

/// Whether a user could have this name: 3–30 letters, digits, `_` and `-`, a letter first, in any case.
pub fn is_username(text: &str) -> bool {
    (3..=30).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_auth_gives_out_are_looked_up() {
        for good in ["ada", "Ada", "a-1", "a_b", &"a".repeat(30)] {
            assert!(is_username(good), "{good}");
        }
        for bad in ["", "ab", "1ab", "-ab", "a b", "adä", "a/b", "a%2", &"a".repeat(31)] {
            assert!(!is_username(bad), "{bad}");
        }
    }
}
