//! Which characters people may put into text that others see.

/// Characters that change the direction of the text around them: a name with one garbles or disguises the line it is in.
fn overrides_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether `text` can stand within a line: no control characters, no line breaks, no direction overrides.
pub fn is_one_line(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || overrides_direction(c) || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Whether `text` can stand in a paragraph of its own: no control characters but line breaks and tabs.
pub fn is_prose(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_script_are_one_line() {
        for good in ["", "Ada Lovelace", "Łukasz", "محمد", "李小龍", "👩‍💻 dev", "O’Brien"] {
            assert!(is_one_line(good), "{good}");
        }
    }

    #[test]
    fn control_line_and_direction_characters_are_not() {
        for bad in ["a\0", "a\nb", "a\tb", "a\u{7f}", "a\u{85}", "\u{202E}evil", "\u{2066}x", "a\u{2028}b"] {
            assert!(!is_one_line(bad), "{bad:?}");
        }
    }

    #[test]
    fn prose_may_break_lines_but_hold_no_other_control_characters() {
        assert!(is_prose("one\r\n\ttwo"));
        assert!(!is_prose("a\0b"));
        assert!(!is_prose("a\u{1b}[31m"));
    }
}
