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
        let head = format!(
            "{:>5} ago  {}  {}",
            ago(now, happening.at),
            happening.object,
            often(&happening.reason, happening.times)
        );
        text.extend([&terminal.paint(tone, &head), "\n", &wrap(&happening.note, "           ", WIDTH), "\n"]);
    }
    text
}
