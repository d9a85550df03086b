//! The commonest passwords. The list is the part of at least eight characters of the 20,000 commonest in breaches
//! that Django ships (Royce Williams; BSD-3-Clause, `data/common-passwords.LICENSE`), and some long ones besides. It
//! is searched where it lies in the program, so it takes no memory of its own.

/// One a line, lower-case, sorted by bytes.
static LIST: &str = include_str!("../../../data/common-passwords.txt");
/// The list has nothing shorter.
const SHORTEST: usize = 8;

/// Whether a lower-case password is in the list, alone or with digits and signs after it: what people add when a
/// program wants more.
pub fn is_common(password: &str) -> bool {
    let stem = password.trim_end_matches(|last: char| !last.is_alphabetic());
    is_listed(password) || (stem.len() >= SHORTEST && is_listed(stem))
}

/// Binary search among lines of different lengths.
fn is_listed(password: &str) -> bool {
    let (mut start, mut end) = (0, LIST.len());
    while start < end {
        let middle = start.midpoint(end);
        let before = LIST.get(start..middle).and_then(|text| text.rfind('\n'));
        let line_start = before.map_or(start, |newline| start + newline + 1);
        let Some(rest) = LIST.get(line_start..) else { return false };
        let line = rest.split('\n').next().unwrap_or(rest);
        match line.cmp(password) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => start = line_start + line.len() + 1,
            std::cmp::Ordering::Greater => end = line_start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_ascii_lower_case_and_not_too_short() {
        let lines: Vec<_> = LIST.lines().collect();
        assert!(lines.len() > 8000 && lines.is_sorted() && LIST.is_ascii());
        assert!(lines.iter().all(|line| line.len() >= SHORTEST && *line == line.to_lowercase()));
    }

    #[test]
    fn every_line_is_found_and_nothing_else_is() {
        for line in LIST.lines() {
            assert!(is_listed(line), "{line}");
        }
        for other in ["", "a", "password ", "passwor", "zzzzzzzzzzzzzzzzzz", "\u{ff}", "12345678 \n"] {
            assert!(!is_listed(other), "{other}");
        }
    }

    #[test]
    fn digits_and_signs_after_a_common_one_hide_nothing() {
        assert!(is_common("password2026!!!") && is_common("sunshine.1234567"));
        assert!(!is_common("ada2026!!!") && !is_common("passwords and more of them"));
    }
}
