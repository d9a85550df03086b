//! An error with all its causes on one line.

use std::{error, fmt, iter};

/// An error with all its causes on one line, each once: many errors say their causes in their own words as well.
pub struct Chain<'a>(pub &'a dyn error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.0.to_string();
        for cause in iter::successors(self.0.source(), |error| error.source()).map(ToString::to_string) {
            if !told.contains(&cause) {
                told = format!("{told}: {cause}");
            }
        }
        formatter.write_str(&told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_tells_each_cause_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("{text}")]
        struct Told {
            text: &'static str,
            source: Option<Box<Told>>,
        }
        let root = Told { text: "connection refused", source: None };
        let repeated = Told { text: "no database: connection refused", source: Some(Box::new(root)) };
        let outer = Told { text: "the outbox isn't read", source: Some(Box::new(repeated)) };
        assert_eq!(Chain(&outer).to_string(), "the outbox isn't read: no database: connection refused");
    }
}
