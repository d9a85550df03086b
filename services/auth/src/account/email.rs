//! E-mail addresses: checked for sanity only, since nothing but a mail that arrives proves one.

use unicode_normalization::UnicodeNormalization;

/// The rule in words.
pub const RULE: &str = "An e-mail address such as ada@example.org, at most 254 characters.";

const MAX: usize = 254;
const MAX_LOCAL: usize = 64;
const MAX_LABEL: usize = 63;

/// The form in which addresses are kept and compared.
pub fn normalize(address: &str) -> String {
    address.nfc().collect::<String>().to_lowercase()
}

/// Whether a normalised address may be one.
pub fn is_valid(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    address.len() <= MAX && is_local_part(local) && domain.contains('.') && domain.split('.').all(is_label)
}

fn is_local_part(local: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"(),:;<>@[\\]".contains(c);
    local.len() <= MAX_LOCAL && local.split('.').all(|part| !part.is_empty() && part.chars().all(plain))
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sane_addresses_pass_and_others_do_not() {
        for good in ["ada@example.org", "a.b+tag@sub.example.org", "o'neil@example.org", "ü@bücher.example"]
        {
            assert!(is_valid(good), "{good}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@localhost",
            "a da@example.org",
            "ada@exa mple.org",
            "ada@@example.org",
            "a@b@example.org",
            ".ada@example.org",
            "a..b@example.org",
            "ada@-example.org",
            "ada@example..org",
            "ada@example.org\n",
            "<ada@example.org>",
            &long,
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing_more(address in "[a-zA-ZÄÖÜß.]{1,20}@[a-zA-Z]{1,10}\\.org") {
            prop_assert_eq!(normalize(&normalize(&address)), normalize(&address));
        }

        #[test]
        fn whatever_passes_can_stand_in_the_head_of_a_mail(text in "[\\PC\r\n\t]{0,20}@?[\\PC\r\n]{0,20}(\\.[a-z]{2})?") {
            let text = normalize(&text);
            if is_valid(&text) {
                prop_assert!(!text.contains(|c: char| c.is_control() || c.is_whitespace() || "<>,;:\"()[]\\".contains(c)));
                prop_assert_eq!(text.matches('@').count(), 1);
            }
        }
    }
}
