//! `events`: what happened to a stack and its parts, oldest first.

use std::{io::Write, process::ExitCode};

use jiff::Timestamp;

use crate::{
    Error, picture,
    target::Target,
    terminal::{Terminal, Tone, ago},
};

/// Options of `events`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only what somebody should look at
    #[arg(long)]
    warnings: bool,
}

/// Tells what happened.
pub async fn run(target: &Target, arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode, Error> {
    let now = Timestamp::now();
    let mut output = std::io::stdout().lock();
    let happenings = picture::happenings(target).await?;
    let mut told =
        happenings.into_iter().filter(|happening| happening.warning || !arguments.warnings).peekable();
    if told.peek().is_none() {
        writeln!(output, "Nothing happened that the cluster still remembers (an hour, usually).")?;
    }
    for happening in told {
        let tone = if happening.warning { Tone::Warning } else { Tone::Quiet };
        let head = format!("{:>5} ago  {}  {}", ago(now, happening.at), happening.object, happening.reason);
        writeln!(output, "{}\n           {}", terminal.paint(tone, &head), happening.note)?;
    }
    Ok(ExitCode::SUCCESS)
}
