//! Collects what is against the rules, so that a client learns of all of it at once (422).

use crate::problem::{FieldError, Problem};

/// The violations found so far.
#[derive(Debug, Default)]
pub struct Violations(Vec<FieldError>);

impl Violations {
    /// Notes `detail` for the field at `pointer` (RFC 6901) unless `holds`.
    pub fn require(&mut self, holds: bool, pointer: &str, detail: impl Into<String>) {
        if !holds {
            self.0.push(FieldError { pointer: pointer.to_owned(), detail: detail.into() });
        }
    }

    /// `Ok` when nothing was noted, else the 422 with everything.
    pub fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}

/// Whether `text` has from `min` to `max` characters (Unicode code points).
pub fn length_within(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.chars().take(max + 1).count())
}
