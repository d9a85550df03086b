//! `status`: a stack as a person asks for it, once, or until nothing rolls any more.

use std::{io::Write, process::ExitCode, time::Duration};

use jiff::Timestamp;

use super::{Format, Output};
use crate::{
    Error,
    report::Report,
    target::Target,
    terminal::{FRESH, OVER, Terminal},
};

/// How often a stack is looked at while it rolls.
const PACE: Duration = Duration::from_secs(1);

/// Options of `status`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    output: Output,
    /// Tell of changes until the stack is ready and rolled out (0), or stalled (1)
    #[arg(long, short)]
    watch: bool,
}

/// Tells the status; without `--watch` the exit code is 0 whatever it is.
pub async fn run(mut target: Target, arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode, Error> {
    let mut told = None;
    loop {
        let report = Report::of(&target).await?;
        let over = report.is_settled() || report.is_stalled() || !arguments.watch;
        tell(&report, told.as_ref(), arguments, *terminal, over)?;
        if over {
            let stalled = arguments.watch && report.is_stalled();
            return Ok(if stalled { ExitCode::FAILURE } else { ExitCode::SUCCESS });
        }
        told = Some(report);
        tokio::time::sleep(PACE).await;
        target = target.again().await?;
    }
}

/// On a terminal the screen is drawn anew, elsewhere a line tells what has changed, and all is told in the end.
fn tell(
    report: &Report,
    told: Option<&Report>,
    arguments: &Arguments,
    terminal: Terminal,
    over: bool,
) -> Result<(), Error> {
    if arguments.output.format() == Format::Json && !arguments.watch {
        return super::json(report);
    }
    let mut output = std::io::stdout().lock();
    let now = Timestamp::now();
    match arguments.output.format() {
        Format::Json if told != Some(report) => {
            serde_json::to_writer(&mut output, report)?;
            writeln!(output)?;
        }
        Format::Json => {}
        Format::Text if arguments.watch && terminal.redraws() => {
            let start = if told.is_none() { FRESH } else { OVER };
            write!(output, "{start}{}", report.text(now, terminal))?;
        }
        Format::Text => {
            let progress = report.progress();
            if arguments.watch && told.map(Report::progress).as_ref() != Some(&progress) {
                writeln!(output, "{}  {progress}", now.strftime("%H:%M:%S"))?;
            }
            if over {
                write!(output, "{}", report.text(now, terminal))?;
            }
        }
    }
    output.flush()?;
    Ok(())
}
