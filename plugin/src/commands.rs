//! The commands, a file each.

pub mod backup;
pub mod dlq;
pub mod doctor;
pub mod events;
pub mod logs;
pub mod orphan;
pub mod pause;
pub mod rebuild_feed;
pub mod render;
pub mod restore;
pub mod rotate;
pub mod status;
pub mod support_bundle;

use std::io::Write;

use serde::Serialize;

use crate::Error;

/// How an answer is written.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// The choice of it.
#[derive(clap::Args)]
pub struct Output {
    /// How the answer is written
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
}

impl Output {
    /// What was chosen.
    pub fn format(&self) -> Format {
        self.output
    }

    /// Writes what was done: in a few words for people, and for programs as an object.
    pub fn tell(&self, words: &str, answer: &impl Serialize) -> Result<(), Error> {
        match self.output {
            Format::Json => json(answer),
            Format::Text => Ok(writeln!(std::io::stdout(), "{words}")?),
        }
    }
}

/// Writes one of several answers for programs, on a line.
pub fn json_line(mut output: impl Write, answer: &impl Serialize) -> Result<(), Error> {
    serde_json::to_writer(&mut output, answer).map_err(std::io::Error::from)?;
    writeln!(output)?;
    Ok(())
}

/// Writes an answer for programs.
pub fn json(answer: &impl Serialize) -> Result<(), Error> {
    let mut output = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut output, answer).map_err(std::io::Error::from)?;
    writeln!(output)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind, Write};

    use super::*;

    /// A reader that has had enough.
    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_goes_is_told_apart_from_an_answer_that_cannot_be_written() {
        let Err(Error::Output(error)) = json_line(Gone, &"answer") else { panic!("it was written") };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
}
