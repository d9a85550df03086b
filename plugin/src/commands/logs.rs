//! `logs`: the logs of all containers of a stack, each line after the part that wrote it.

use std::{io::Write, process::ExitCode};

use tracklore_operator::stack::component::{Component, Service};

use super::{Format, Output};
use crate::{
    Error,
    tail::{Line, Tail},
    target::Target,
    terminal::{Terminal, Tone},
};

/// Whose logs there are, in the order of their colours.
const PARTS: [Component; 9] = [
    Component::Service(Service::Auth),
    Component::Service(Service::User),
    Component::Service(Service::Posts),
    Component::Service(Service::Feed),
    Component::Gateway,
    Component::Postgres,
    Component::Kafka,
    Component::Redis,
    Component::Backup,
];

/// Options of `logs`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only these parts: auth, user, posts, feed, gateway, postgres, kafka, redis, backup
    parts: Vec<String>,
    /// Go on with what is written from now on, also by pods that start
    #[arg(long, short)]
    follow: bool,
    /// How far back, in seconds
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    since: i64,
    #[command(flatten)]
    output: Output,
}

/// The names of the parts.
pub fn parts() -> [&'static str; 9] {
    PARTS.map(Component::as_str)
}

/// Writes the lines: in the order of their times, or with `--follow` as they come. For programs, each is an object.
pub async fn run(target: &Target, arguments: &Arguments, terminal: &Terminal) -> Result<ExitCode, Error> {
    let known = parts();
    if let Some(part) = arguments.parts.iter().find(|part| !known.contains(&part.as_str())) {
        return Err(Error::Refused(format!("a stack has no part {part}; name some of {}", known.join(", "))));
    }
    let mut tail = Tail::open(target, &arguments.parts, arguments.since, arguments.follow).await?;
    let mut output = std::io::stdout();
    let mut write = |line: &Line| match arguments.output.format() {
        Format::Json => super::json_line(&mut output, line),
        Format::Text => Ok(write(&mut output, line, *terminal)?),
    };
    let mut all = Vec::new();
    while let Some(line) = tail.next().await? {
        if arguments.follow {
            write(&line)?;
        } else {
            all.push(line);
        }
    }
    all.sort_by(|a, b| a.time.cmp(&b.time));
    for line in &all {
        write(line)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(output: &mut impl Write, line: &Line, terminal: Terminal) -> std::io::Result<()> {
    let Line { part, container, beside, .. } = line;
    let name = if *beside { format!("{part}/{container}") } else { part.clone() };
    let colour = PARTS.iter().position(|known| known.as_str() == part);
    let part = terminal.tell_apart(colour.unwrap_or(PARTS.len()), &format!("{name:<9}"));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn line(part: &str, beside: Option<&str>) -> Line {
        Line {
            time: "t".into(),
            part: part.to_owned(),
            pod: "demo-1".into(),
            container: beside.unwrap_or(part).to_owned(),
            beside: beside.is_some(),
            text: "said".into(),
        }
    }

    fn written(part: &str, beside: Option<&str>, terminal: Terminal) -> String {
        let mut output = Vec::new();
        write(&mut output, &line(part, beside), terminal).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn programs_are_told_all_of_a_line_in_an_object() {
        let mut output = Vec::new();
        crate::commands::json_line(&mut output, &line("feed", None)).unwrap();
        let expected = r#"{"time":"t","part":"feed","pod":"demo-1","container":"feed","text":"said"}"#;
        assert_eq!(String::from_utf8(output).unwrap(), format!("{expected}\n"));
    }

    #[test]
    fn a_line_comes_after_its_part_and_the_container_that_is_not_the_parts_own() {
        assert_eq!(written("feed", None, Terminal::plain()), "feed      said\n");
        assert_eq!(written("feed", Some("proxy"), Terminal::plain()), "feed/proxy said\n");
    }

    #[test]
    fn each_part_has_a_colour_of_its_own_where_colours_are_wanted() {
        let coloured = PARTS.map(|part| written(part.as_str(), None, Terminal::coloured()));
        let codes: std::collections::BTreeSet<_> =
            coloured.iter().map(|line| line.split('m').next()).collect();
        assert_eq!(codes.len(), PARTS.len());
        assert!(PARTS.iter().all(|part| !written(part.as_str(), None, Terminal::plain()).contains('\u{1b}')));
    }
}
