//! Command line and environment of a service: sub-commands by clap, every setting an environment variable under
//! `TRACKLORE_`. A variable under the prefix that no setting has is refused, because it is a typing error that would
//! otherwise go unnoticed; and the reference in the documents is printed from the same declarations.

use std::{collections::BTreeSet, convert::Infallible, fmt::Write as _, process::ExitCode};

use clap::{Arg, Command, Parser};
use secrecy::SecretString;

use crate::problem::Chain;

/// What all settings begin with.
const PREFIX: &str = "TRACKLORE_";
/// For tests and scripts around the services, never read by them.
const FOREIGN_PREFIX: &str = "TRACKLORE_TEST_";

/// Parses command line and environment, or prints what is wrong and exits with 2.
pub fn parse<C: Parser>() -> C {
    let unknown =
        unknown_settings(&C::command(), std::env::vars_os().filter_map(|(key, _)| key.into_string().ok()));
    if !unknown.is_empty() {
        let message = format!(
            "unknown setting{} in the environment: {}. `config` lists all settings.\n",
            if unknown.len() == 1 { "" } else { "s" },
            unknown.join(", ")
        );
        C::command().error(clap::error::ErrorKind::UnknownArgument, message).exit();
    }
    C::parse()
}

/// A clap value parser for secrets, which then never appear in debug output.
pub fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(text.to_owned().into())
}

/// Ends a program: nothing said on success, one line with all causes on failure.
pub fn exit<E: std::error::Error>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", Chain(&error));
            eprintln!("error: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// The settings of all sub-commands as a Markdown table.
pub fn reference<C: Parser>() -> String {
    let command = C::command();
    let mut table = String::from("| variable | default | used by | meaning |\n|---|---|---|---|\n");
    let mut seen = BTreeSet::new();
    for (_, argument) in settings(&command) {
        let Some(name) = env_name(argument).filter(|name| seen.insert(name.clone())) else { continue };
        let default = match argument.get_default_values() {
            [] if argument.is_required_set() => "required".to_owned(),
            [] => "–".to_owned(),
            values => {
                format!("`{}`", values.iter().map(|v| v.to_string_lossy()).collect::<Vec<_>>().join(","))
            }
        };
        let users: Vec<_> = settings(&command)
            .filter(|(_, other)| env_name(other).as_ref() == Some(&name))
            .map(|(user, _)| user)
            .collect();
        let help =
            argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
        let meaning = help.replace('\n', " ").replace('|', "\\|");
        // writing to a string can't fail
        let _ = writeln!(table, "| `{name}` | {default} | {} | {meaning} |", users.join(", "));
    }
    table
}

fn settings(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    command
        .get_subcommands()
        .flat_map(|sub| sub.get_arguments().map(move |argument| (sub.get_name(), argument)))
}

fn env_name(argument: &Arg) -> Option<String> {
    argument.get_env().map(|name| name.to_string_lossy().into_owned())
}

fn unknown_settings(command: &Command, environment: impl Iterator<Item = String>) -> Vec<String> {
    let known: BTreeSet<_> = settings(command).filter_map(|(_, argument)| env_name(argument)).collect();
    let mut unknown: Vec<_> = environment
        .filter(|key| key.starts_with(PREFIX) && !key.starts_with(FOREIGN_PREFIX) && !known.contains(key))
        .collect();
    unknown.sort();
    unknown
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[derive(Parser)]
    enum Cli {
        /// Serves.
        Serve(Settings),
    }

    #[derive(clap::Args)]
    struct Settings {
        /// Where clients reach the service.
        #[arg(long, env = "TRACKLORE_PUBLIC_URL")]
        public_url: String,
        /// How many at once.
        #[arg(long, env = "TRACKLORE_LIMIT", default_value_t = 10)]
        limit: u32,
    }

    #[test]
    fn a_misspelt_setting_is_noticed_and_foreign_variables_are_not() {
        let keys = ["TRACKLORE_LIMIT", "TRACKLORE_LIMITS", "TRACKLORE_TEST_KAFKA", "HOME"];
        let unknown = unknown_settings(&Cli::command(), keys.into_iter().map(str::to_owned));
        assert_eq!(unknown, ["TRACKLORE_LIMITS"]);
    }

    #[test]
    fn the_reference_says_name_default_user_and_meaning() {
        let reference = reference::<Cli>();
        assert!(reference.contains("| `TRACKLORE_LIMIT` | `10` | serve | How many at once |"), "{reference}");
        assert!(reference.contains("| `TRACKLORE_PUBLIC_URL` | required |"), "{reference}");
    }
}
