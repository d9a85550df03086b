//! `logs`: the logs of all pods of a stack, each line after the part that wrote it.

use std::{io::Write, process::ExitCode};

use futures::{AsyncBufReadExt, StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt, api::LogParams};

use crate::{
    Error, picture,
    target::Target,
    terminal::{Terminal, Tone},
};

/// Options of `logs`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only these parts: auth, user, posts, feed, gateway, postgres, kafka, redis
    parts: Vec<String>,
    /// Go on with what is written from now on
    #[arg(long, short)]
    follow: bool,
    /// How far back, in seconds
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    since: i64,
}

/// A line, when it was written and by whom.
struct Line {
    part: String,
    time: String,
    text: String,
}

/// Writes the lines: in the order of their times, or with `--follow` as they come.
pub async fn run(target: &Target, arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode, Error> {
    let pods = target.api::<Pod>();
    let wanted = |part: &String| arguments.parts.is_empty() || arguments.parts.contains(part);
    let parameters = LogParams {
        follow: arguments.follow,
        since_seconds: Some(arguments.since),
        timestamps: true,
        ..LogParams::default()
    };
    let mut streams = Vec::new();
    for pod in pods.list(&target.parts()).await?.items {
        let part = picture::component(&pod);
        if !wanted(&part) {
            continue;
        }
        // A pod that hasn't started has no log yet.
        if let Ok(lines) = pods.log_stream(&pod.name_any(), &parameters).await {
            streams.push(lines.lines().map_ok(move |line| split(&part, &line)).boxed());
        }
    }
    let mut lines = stream::select_all(streams);
    let mut output = std::io::stdout();
    if arguments.follow {
        while let Some(line) = lines.try_next().await? {
            write(&mut output, &line, *terminal)?;
        }
    } else {
        let mut all: Vec<_> = lines.try_collect().await?;
        // RFC 3339 in UTC: the order of the texts is that of the times.
        all.sort_by(|a: &Line, b| a.time.cmp(&b.time));
        for line in &all {
            write(&mut output, line, *terminal)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn split(part: &str, line: &str) -> Line {
    let (time, text) = line.split_once(' ').unwrap_or(("", line));
    Line { part: part.to_owned(), time: time.to_owned(), text: text.to_owned() }
}

fn write(output: &mut impl Write, line: &Line, terminal: Terminal) -> std::io::Result<()> {
    let part = terminal.paint(Tone::Strong, &format!("{:<9}", line.part));
    let tone = if line.text.contains("\"level\":\"ERROR\"") {
        Some(Tone::Bad)
    } else if line.text.contains("\"level\":\"WARN\"") {
        Some(Tone::Warning)
    } else {
        None
    };
    let text = tone.map_or_else(|| line.text.clone(), |tone| terminal.paint(tone, &line.text));
    writeln!(output, "{part} {text}")
}
