//! What may stand at the end of a line that somebody types, as `kubectl` asks for it by `kubectl_complete-tracklore`
//! (<https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/#completion>).
//!
//! [`Typed`] is what the line says so far, by the same definitions that parse it; what only the cluster knows is asked for.

use std::{collections::HashMap, io::Write, time::Duration};

use clap::{Arg, Command};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt, api::ListParams, config::Kubeconfig};
use tokio::sync::oneshot;
use tracklore_operator::api::v1alpha1::TrackloreStack;

use crate::{Error, commands::logs, target::Which};

/// The program that kubectl calls, on the `PATH` as `kubectl_complete-tracklore`.
pub const FOR_KUBECTL: &str = "#!/bin/sh\n\
    # kubectl calls this to complete: kubectl tracklore <TAB>\n\
    exec kubectl-tracklore __complete -- \"$@\"\n";

/// How long somebody who presses a key waits for the cluster.
const PATIENCE: Duration = Duration::from_secs(2);
/// Behind the answer: no names of files.
const NO_FILES: &str = ":4";
/// Behind the answer: names of files may come, too.
const FILES: &str = ":0";

/// What a line says before its end.
struct Typed<'a> {
    /// The innermost command.
    command: &'a Command,
    /// The values of options, by their ids.
    values: HashMap<&'a str, String>,
    /// The option whose value comes next.
    option: Option<&'a Arg>,
    /// How many words stand there that belong to no option.
    positionals: usize,
}

/// What may come.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// One of these, each with what it means.
    OneOf(Vec<(String, String)>),
    /// The name of a stack.
    Stack,
    /// The name of a namespace.
    Namespace,
    /// The name of a context.
    Context,
    /// The name of a file.
    File,
    /// Anything.
    Anything,
}

/// Answers kubectl: a candidate a line with what it means behind a tab, and whether names of files may come.
pub async fn answer(mut command: Command, words: &[String]) -> Result<(), Error> {
    command.build();
    let (last, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let typed = Typed::of(&command, before);
    let (begun, next) = typed.next(last);
    let behind = if next == Next::File { FILES } else { NO_FILES };
    let candidates = match next {
        Next::OneOf(candidates) => candidates,
        Next::Stack => unexplained(soon(PATIENCE, typed.which(), stacks).await),
        Next::Namespace => unexplained(soon(PATIENCE, typed.which(), namespaces).await),
        Next::Context => unexplained(contexts()),
        Next::File | Next::Anything => Vec::new(),
    };
    let mut output = std::io::stdout().lock();
    for (candidate, meaning) in candidates {
        if candidate.starts_with(begun) {
            let line = format!("{candidate}\t{meaning}");
            writeln!(output, "{}", line.trim_end())?;
        }
    }
    writeln!(output, "{behind}")?;
    Ok(())
}

impl<'a> Typed<'a> {
    fn of(root: &'a Command, words: &[String]) -> Self {
        let mut typed = Self { command: root, values: HashMap::new(), option: None, positionals: 0 };
        for word in words {
            typed.read(word);
        }
        typed
    }

    fn read(&mut self, word: &str) {
        if let Some(option) = self.option.take() {
            self.values.insert(option.get_id().as_str(), word.to_owned());
        } else if let Some((option, value)) = self.option(word) {
            match value {
                Some(value) => drop(self.values.insert(option.get_id().as_str(), value.to_owned())),
                None => self.option = Some(option).filter(|option| option.get_action().takes_values()),
            }
        } else if let Some(command) = self.command.find_subcommand(word) {
            self.command = command;
        } else if !word.starts_with('-') {
            self.positionals += 1;
        }
    }

    /// The option that a word names, and the value that stands in the same word: `--name=value`, `-nvalue`, `-n=value`.
    fn option<'w>(&self, word: &'w str) -> Option<(&'a Arg, Option<&'w str>)> {
        let mut all = self.command.get_arguments();
        if let Some(long) = word.strip_prefix("--") {
            let (long, value) =
                long.split_once('=').map_or((long, None), |(long, value)| (long, Some(value)));
            return Some((all.find(|option| option.get_long() == Some(long))?, value));
        }
        let mut letters = word.strip_prefix('-')?.chars();
        let letter = letters.next()?;
        let value = letters.as_str();
        let value = value.strip_prefix('=').or_else(|| Some(value).filter(|value| !value.is_empty()));
        Some((all.find(|option| option.get_short() == Some(letter))?, value))
    }

    /// How what comes last begins, and what it may be. Of `--option=value` that is the value alone: shells put the rest before it.
    fn next<'w>(&self, last: &'w str) -> (&'w str, Next) {
        if let Some(option) = self.option {
            return (last, values(option));
        }
        if let (true, Some((option, Some(begun)))) = (last.contains('='), self.option(last)) {
            return (begun, values(option));
        }
        let next = if last.starts_with('-') {
            Next::OneOf(self.options())
        } else if let Some(argument) = self.positional() {
            values(argument)
        } else {
            Next::OneOf(subcommands(self.command))
        };
        (last, next)
    }

    /// The argument whose turn it is: the next one, or the last where it takes more.
    fn positional(&self) -> Option<&'a Arg> {
        let several = |argument: &&Arg| argument.get_num_args().is_some_and(|range| range.max_values() > 1);
        let last = self.command.get_positionals().last().filter(several);
        self.command.get_positionals().nth(self.positionals).or(last)
    }

    fn options(&self) -> Vec<(String, String)> {
        let shown = self.command.get_arguments().filter(|option| !option.is_hide_set());
        let named = shown.filter_map(|option| Some((format!("--{}", option.get_long()?), option)));
        named.map(|(name, option)| (name, meaning(option.get_help()))).collect()
    }

    /// Which cluster and namespace the line is about.
    fn which(&self) -> Which {
        Which::within(self.values.get("namespace").cloned(), self.values.get("context").cloned())
    }
}

fn subcommands(command: &Command) -> Vec<(String, String)> {
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(|command| (command.get_name().to_owned(), meaning(command.get_about()))).collect()
}

fn values(argument: &Arg) -> Next {
    let possible = argument.get_possible_values();
    if !possible.is_empty() {
        let shown = possible.iter().filter(|value| !value.is_hide_set());
        return Next::OneOf(
            shown.map(|value| (value.get_name().to_owned(), meaning(value.get_help()))).collect(),
        );
    }
    match argument.get_id().as_str() {
        "stack" | "former" => Next::Stack,
        "namespace" | "from_namespace" => Next::Namespace,
        "context" => Next::Context,
        "filename" => Next::File,
        "parts" => Next::OneOf(unexplained(logs::parts().map(str::to_owned).into())),
        _ => Next::Anything,
    }
}

/// The first line of a help.
fn meaning(help: Option<&clap::builder::StyledStr>) -> String {
    help.map(ToString::to_string).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

fn unexplained(names: Vec<String>) -> Vec<(String, String)> {
    names.into_iter().map(|name| (name, String::new())).collect()
}

/// What a cluster says, if it does so in time: somebody who types wants no complaints in the middle of the line.
///
/// It is asked on a thread of its own, which ends with the program: a login by another program and the look-up of a host
/// block, so that nothing else could leave them behind.
async fn soon<F>(
    patience: Duration,
    which: Which,
    names: impl FnOnce(Which) -> F + Send + 'static,
) -> Vec<String>
where
    F: Future<Output = Result<Vec<String>, Error>>,
{
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            // nobody may wait any more
            drop(tell.send(runtime.block_on(names(which)).unwrap_or_default()));
        }
    });
    tokio::time::timeout(patience, told).await.ok().and_then(Result::ok).unwrap_or_default()
}

async fn stacks(which: Which) -> Result<Vec<String>, Error> {
    let (client, namespace) = which.connect().await?;
    let stacks = Api::<TrackloreStack>::namespaced(client, &namespace);
    let stacks = stacks.list_metadata(&ListParams::default()).await?;
    Ok(stacks.items.iter().map(ResourceExt::name_any).collect())
}

async fn namespaces(which: Which) -> Result<Vec<String>, Error> {
    let (client, _) = which.connect().await?;
    let namespaces = Api::<Namespace>::all(client).list_metadata(&ListParams::default()).await?;
    Ok(namespaces.items.iter().map(ResourceExt::name_any).collect())
}

fn contexts() -> Vec<String> {
    let read = Kubeconfig::read().map(|config| config.contexts).unwrap_or_default();
    read.into_iter().map(|context| context.name).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::Arguments;

    /// What may come at the end of a line.
    fn next(line: &str) -> (&str, Next) {
        let mut command = Arguments::command();
        command.build();
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let (_, before) = words.split_last().unwrap();
        Typed::of(&command, before).next(line.rsplit(' ').next().unwrap())
    }

    fn names(line: &str) -> Vec<String> {
        match next(line).1 {
            Next::OneOf(candidates) => candidates.into_iter().map(|(name, _)| name).collect(),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn commands_come_first_and_those_within_them_next() {
        let all = names("");
        assert!(all.contains(&"status".to_owned()) && all.contains(&"support-bundle".to_owned()), "{all:?}");
        assert!(!all.contains(&"__complete".to_owned()), "{all:?}");
        assert_eq!(names("-n demo dlq "), ["user", "posts", "feed"]);
        assert_eq!(names("status "), Vec::<String>::new());
    }

    #[test]
    fn what_is_asked_for_is_what_the_line_lacks() {
        for (line, expected) in [
            ("status -s ", Next::Stack),
            ("--stack ", Next::Stack),
            ("restore ", Next::Stack),
            ("status --namespace ", Next::Namespace),
            ("--context ", Next::Context),
            ("render -f ", Next::File),
            ("backup --context=a -n ", Next::Namespace),
            ("restore --as ", Next::Anything),
        ] {
            assert_eq!(next(line), ("", expected), "{line}");
        }
        assert_eq!(next("status --namespace d"), ("d", Next::Namespace));
    }

    #[test]
    fn of_a_value_in_the_word_of_its_option_the_value_alone_is_completed() {
        assert_eq!(next("status --namespace=d"), ("d", Next::Namespace));
        assert_eq!(next("status --namespace="), ("", Next::Namespace));
        assert_eq!(next("status -n=d"), ("d", Next::Namespace));
        let (begun, Next::OneOf(formats)) = next("events --output=j") else { panic!() };
        assert!(begun == "j" && formats.iter().any(|(name, _)| name == "json"), "{formats:?}");
    }

    #[tokio::test]
    async fn who_does_not_answer_is_left_behind_also_when_asking_blocks() {
        let began = std::time::Instant::now();
        let which = || Which::within(None, None);
        let names = soon(Duration::from_millis(50), which(), |_| async {
            std::thread::sleep(Duration::from_secs(5));
            Ok(vec!["late".to_owned()])
        });
        assert!(names.await.is_empty() && began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        let names = soon(PATIENCE, which(), |_| async { Ok(vec!["soon".to_owned()]) });
        assert_eq!(names.await, ["soon"]);
    }

    #[test]
    fn options_and_their_values_are_those_of_the_command() {
        let of_logs = names("logs --");
        for option in ["--follow", "--since", "--namespace"] {
            assert!(of_logs.contains(&option.to_owned()), "{of_logs:?}");
        }
        assert_eq!(names("events -o "), ["text", "json"]);
        assert!(names("logs -f auth ").contains(&"feed".to_owned()), "a part may follow another");
        assert!(names("dlq feed ").contains(&"redrive".to_owned()));
    }

    #[test]
    fn where_the_line_is_about_is_known_when_names_are_asked_for() {
        let mut command = Arguments::command();
        command.build();
        for namespace in ["-ndemo", "-n=demo", "--namespace=demo"] {
            let words = ["status", namespace, "--context=kind", "-s"].map(str::to_owned);
            let typed = Typed::of(&command, &words);
            assert_eq!(typed.values.get("context").map(String::as_str), Some("kind"));
            assert_eq!(typed.which().namespace(), Some("demo"), "{namespace}");
        }
    }
}
