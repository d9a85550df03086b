//! Usernames: short, typable, and the same for everybody who reads them.

/// The rule in words.
pub const RULE: &str = "3 to 30 of a-z, 0-9, _ and -, beginning with a letter, and not with deleted-.";

/// What the names of deleted accounts begin with; nobody else's does.
pub const TOMBSTONE: &str = "deleted-";

/// Whether `name` may be a username.
pub fn is_valid(name: &str) -> bool {
    !name.to_ascii_lowercase().starts_with(TOMBSTONE)
        && (3..=30).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_follow_the_rule() {
        for good in ["ada", "Ada", "a-1_", &"a".repeat(30)] {
            assert!(is_valid(good), "{good}");
        }
        for bad in
            ["", "ab", "1ada", "_ada", "-ada", "ada lovelace", "adä", "ada@x", "Deleted-7", &"a".repeat(31)]
        {
            assert!(!is_valid(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn names_by_the_rule_pass_in_any_case_and_nothing_else_does(
            name in "[a-zA-Z][a-zA-Z0-9_-]{2,29}", at in 0_usize..30, other in "[^a-zA-Z0-9_-]", any in "\\PC{0,40}"
        ) {
            let reserved = name.to_lowercase().starts_with(TOMBSTONE);
            prop_assert_eq!(is_valid(&name), !reserved);
            prop_assert_eq!(is_valid(&name.to_uppercase()), !reserved);
            let (start, end) = name.split_at(at.min(name.len()));
            let bent = format!("{start}{other}{end}");
            prop_assert!(!is_valid(&bent));
            if is_valid(&any) {
                prop_assert!(any.is_ascii() && (3..=30).contains(&any.len()));
            }
        }
    }
}
