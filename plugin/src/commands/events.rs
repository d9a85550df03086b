//! `events`: what happened to a stack and its parts, oldest first.

use std::{io::Write, process::ExitCode};

use jiff::Timestamp;

use super::{Format, Output};
use crate::{
    Error,
    happened::{self, Happening, often},
    target::Target,
    terminal::{Terminal, Tone, WIDTH, ago, wrap},
};

/// Below the time, what is said of it.
const INDENT: &str = "           ";

/// Options of `events`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only what somebody should look at
    #[arg(long)]
    warnings: bool,
    #[command(flatten)]
    output: Output,
}

/// Tells what happened.
pub async fn run(target: &Target, arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode, Error> {
    let mut told = happened::read(target).await?;
    told.retain(|happening| happening.warning || !arguments.warnings);
    match arguments.output.format() {
        Format::Json => super::json(&told)?,
        Format::Text => write!(std::io::stdout().lock(), "{}", text(&told, Timestamp::now(), *terminal))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// On 80 columns.
pub fn text(happenings: &[Happening], now: Timestamp, terminal: Terminal) -> String {
    if happenings.is_empty() {
        return "Nothing happened that the cluster still remembers (an hour, usually).\n".to_owned();
    }
    let mut text = String::new();
    for happening in happenings {
        let tone = if happening.warning { Tone::Warning } else { Tone::Quiet };
        let what = format!("{}  {}", happening.object, often(&happening.reason, happening.times));
        let time = format!("{:>5} ago  ", ago(now, happening.at));
        let head = if time.chars().count() + what.chars().count() > WIDTH {
            format!("{time}{}", wrap(&what, INDENT, WIDTH).trim_start())
        } else {
            time + &what
        };
        text.extend([&terminal.paint(tone, &head), "\n", &wrap(&happening.note, INDENT, WIDTH), "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(object: &str, terminal: Terminal) -> String {
        let happening = Happening {
            at: Timestamp::from_second(0).unwrap(),
            warning: true,
            object: object.to_owned(),
            reason: "FailedScheduling".to_owned(),
            note: "0/1 nodes are available: 1 Insufficient memory, and no other node can be had. ".repeat(2),
            times: 12,
        };
        text(&[happening], Timestamp::from_second(30).unwrap(), terminal)
    }

    #[test]
    fn what_happened_stands_on_80_columns() {
        let short = told("Pod/demo-feed-1", Terminal::plain());
        assert!(
            short.starts_with("  30s ago  Pod/demo-feed-1  FailedScheduling ×12\n           0/1"),
            "{short}"
        );
        let long =
            told(&format!("Pod/{}-postgres-provision-1a2b3c4d-x7k2p", "d".repeat(27)), Terminal::plain());
        for told in [short, long] {
            assert!(told.lines().all(|line| line.chars().count() <= WIDTH), "{told}");
        }
    }

    #[test]
    fn a_warning_has_a_colour_only_where_colours_are_wanted() {
        assert!(!told("Pod/a", Terminal::plain()).contains('\u{1b}'));
        assert!(told("Pod/a", Terminal::coloured()).contains('\u{1b}'));
    }
}
