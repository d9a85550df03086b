//! `dlq`: events that a service couldn't process, by the service's own program.

use std::process::ExitCode;

use tracklore_operator::stack::component::Service;

use super::{Format, Output};
use crate::{Error, exec, target::Target, terminal::confirm};

/// Options of `dlq`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The service that couldn't process them
    consumer: Consumer,
    #[command(subcommand)]
    action: Action,
}

/// The services that consume what they could fail to process.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Consumer {
    /// From user-events.
    User,
    /// From user-events and profile-events.
    Posts,
    /// From all three.
    Feed,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Lists them, the oldest first: id, time, type, subject, reason
    List(Output),
    /// Shows one with everything that it has
    Show {
        /// As `list` prints it
        id: String,
    },
    /// Applies them again; what succeeds is no dead letter any more
    Redrive(Selection),
    /// Drops them
    Discard {
        #[command(flatten)]
        selection: Selection,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(clap::Args, Clone, Debug)]
struct Selection {
    /// As `list` prints them
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// All there are
    #[arg(long)]
    all: bool,
}

/// Does it. The exit code is the program's.
pub async fn run(target: &Target, arguments: &Arguments) -> Result<ExitCode, Error> {
    if let Action::Discard { selection: Selection { all: true, .. }, yes: false } = &arguments.action
        && !confirm("All dead letters are dropped, and what they tell of stays undone.", &target.name())?
    {
        return Ok(ExitCode::FAILURE);
    }
    let words = arguments.action.words();
    let code = exec::run(target, arguments.consumer.service(), &words, std::io::stdout()).await?;
    Ok(code.into())
}

impl Consumer {
    fn service(self) -> Service {
        match self {
            Self::User => Service::User,
            Self::Posts => Service::Posts,
            Self::Feed => Service::Feed,
        }
    }
}

impl Action {
    /// What the service's program is called with.
    fn words(&self) -> Vec<String> {
        let mut words = vec!["dlq".to_owned()];
        match self {
            Self::List(output) => {
                words.push("list".into());
                words.extend((output.format() == Format::Json).then(|| "--json".into()));
            }
            Self::Show { id } => words.extend(["show".into(), id.clone()]),
            Self::Redrive(selection) => words.extend(selection.words("redrive")),
            Self::Discard { selection, .. } => words.extend(selection.words("discard")),
        }
        words
    }
}

impl Selection {
    fn words(&self, action: &str) -> Vec<String> {
        let all = self.all.then(|| "--all".to_owned());
        std::iter::once(action.to_owned()).chain(self.ids.clone()).chain(all).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn words(line: &str) -> Result<String, clap::Error> {
        let line = Line::try_parse_from(std::iter::once("dlq").chain(line.split(' ')))?;
        Ok(line.arguments.action.words().join(" "))
    }

    #[test]
    fn the_service_is_asked_in_its_own_words() {
        for (line, expected) in [
            ("feed list", "dlq list"),
            ("feed list -o json", "dlq list --json"),
            ("user show user-events/0/7", "dlq show user-events/0/7"),
            ("posts redrive a/0/1 a/0/2", "dlq redrive a/0/1 a/0/2"),
            ("posts discard --all --yes", "dlq discard --all"),
        ] {
            assert_eq!(words(line).unwrap(), expected);
        }
        for line in ["auth list", "feed redrive", "feed discard --all a/0/1"] {
            assert!(words(line).is_err(), "{line}");
        }
    }
}
