//! `status`: a stack as a person asks for it, once, or until nothing rolls any more.

use std::{io::Write, process::ExitCode, time::Duration};

use jiff::Timestamp;

use super::{Format, Output};
use crate::{
    Error,
    report::Report,
    target::Target,
    terminal::{FRESH, OVER, Terminal, WIDTH, wrap},
    versions,
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
pub async fn run(target: Target, arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode, Error> {
    let format = arguments.output.format();
    if arguments.watch {
        return watch(target, format, terminal).await;
    }
    let report = Report::of(&target, versions::read(&target).await).await?;
    match format {
        Format::Json => super::json(&report)?,
        Format::Text => write!(std::io::stdout().lock(), "{}", report.text(Timestamp::now(), *terminal))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells of changes until the stack is as its spec says (0), or nothing goes on until somebody does something (1).
pub async fn watch(mut target: Target, format: Format, terminal: &Terminal) -> Result<ExitCode, Error> {
    let mut told = None;
    let versions = versions::read(&target).await;
    loop {
        let report = Report::of(&target, versions.clone()).await?;
        let over = report.is_settled() || report.is_stalled();
        tell(&report, told.as_ref(), format, *terminal, over)?;
        if over {
            return Ok(if report.is_stalled() { ExitCode::FAILURE } else { ExitCode::SUCCESS });
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
    format: Format,
    terminal: Terminal,
    over: bool,
) -> Result<(), Error> {
    let mut output = std::io::stdout().lock();
    let now = Timestamp::now();
    match format {
        Format::Json if told != Some(report) => super::json_line(&mut output, report)?,
        Format::Json => {}
        Format::Text if terminal.redraws() => {
            let start = if told.is_none() { FRESH } else { OVER };
            write!(output, "{start}{}", report.text(now, terminal))?;
        }
        Format::Text => {
            let progress = report.progress();
            if told.map(Report::progress).as_ref() != Some(&progress) {
                let told = wrap(&progress, &" ".repeat(10), WIDTH);
                writeln!(output, "{}  {}", now.strftime("%H:%M:%S"), told.trim_start())?;
            }
            if over {
                write!(output, "{}", report.text(now, terminal))?;
            }
        }
    }
    output.flush()?;
    Ok(())
}
