//! `kubectl tracklore`: what a stack does as a person asks for it, and what to do about it.
//!
//! [`commands`] has a file per command; [`picture`] reads the cluster once for those that look; [`terminal`] is how things look.

mod backlog;
mod bundle;
mod commands;
mod completion;
mod copies;
mod dependencies;
mod exec;
mod file;
mod findings;
mod happened;
mod jobs;
mod manifests;
mod origin;
mod picture;
mod redact;
mod report;
mod restored;
mod tail;
mod target;
mod terminal;
mod versions;

use std::{io::Write, process::ExitCode};

use clap::{CommandFactory, Parser};
use clap_complete::Shell;

use self::{
    commands::{
        Output, backup, dlq, doctor, events, logs, orphan, pause, rebuild_feed, render, restore, rotate,
        status, support_bundle,
    },
    target::{Target, Which},
    terminal::Terminal,
};

/// What a Tracklore stack does, and what to do about it.
#[derive(Parser)]
#[command(name = "kubectl tracklore", bin_name = "kubectl tracklore", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    which: Which,
}

#[derive(clap::Subcommand)]
enum Command {
    /// What runs, what waits for what since when, and the last events
    Status(status::Arguments),
    /// What happened to a stack and its parts, newest last
    Events(events::Arguments),
    /// The logs of all parts, merged by time
    Logs(logs::Arguments),
    /// Looks for what is wrong with the cluster and the stack, and says what to do
    Doctor(Output),
    /// The operator leaves the stack as it is
    Pause(Output),
    /// The operator takes care of the stack again
    Resume(Output),
    /// Another key signs tokens from now on, and no token is refused
    Rotate(Output),
    /// A copy of the databases now, where spec.backup says
    Backup(Output),
    /// The copies of a stack, and a new stack that begins with one
    Restore(Box<restore::Arguments>),
    /// Events that a service couldn't process: lists, shows, redrives or discards them
    Dlq(dlq::Arguments),
    /// Makes all lists of the feed anew from the events, beside those that are read
    RebuildFeed(Output),
    /// Plain manifests of a stack, for a cluster without the operator
    Render(render::Arguments),
    /// Leaves the operator behind, and keeps what runs
    Orphan(orphan::Arguments),
    /// What somebody who helps has to see, in one file and without secrets
    SupportBundle(support_bundle::Arguments),
    /// Completion for a shell: kubectl tracklore completion bash
    Completion {
        /// The shell
        #[arg(required_unless_present = "kubectl")]
        shell: Option<Shell>,
        /// Instead, the program that kubectl calls for kubectl tracklore: kubectl_complete-tracklore on the PATH
        #[arg(long, conflicts_with = "shell")]
        kubectl: bool,
    },
    /// What may stand at the end of a line
    #[command(name = "__complete", hide = true)]
    Complete {
        /// The words of the line
        #[arg(last = true)]
        words: Vec<String>,
    },
}

/// Why a command couldn't do what it was asked.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// There is no cluster to ask.
    #[error("the cluster can't be reached: {0}; check --context and your kubeconfig")]
    Config(#[from] kube::config::KubeconfigError),
    /// The API server refused or didn't answer.
    #[error("the cluster refused: {0}")]
    Api(#[from] kube::Error),
    /// There is no such stack, or more than one.
    #[error("{0}")]
    Which(String),
    /// It can't be done, and what to do instead.
    #[error("{0}")]
    Refused(String),
    /// A program in a pod couldn't be run to its end.
    #[error("the program in the pod: {0}")]
    Exec(String),
    /// Standard output is gone.
    #[error("can't write the answer: {0}")]
    Output(#[from] std::io::Error),
    /// An answer can't be told as JSON.
    #[error("can't write the answer: {0}")]
    Json(#[from] serde_json::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        // Whoever reads the answer has had enough of it.
        Err(Error::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kubectl tracklore: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let terminal = &Terminal::detect();
    let which = &arguments.which;
    let target = || Target::find(which);
    match arguments.command {
        Command::Status(options) => status::run(target().await?, &options, terminal).await,
        Command::Events(options) => events::run(&target().await?, &options, terminal).await,
        Command::Logs(options) => logs::run(&target().await?, &options, terminal).await,
        Command::Doctor(output) => doctor::run(&target().await?, &output, terminal).await,
        Command::Pause(output) => pause::run(&target().await?, true, &output).await,
        Command::Resume(output) => pause::run(&target().await?, false, &output).await,
        Command::Rotate(output) => rotate::run(&target().await?, &output).await,
        Command::Backup(output) => Box::pin(backup::run(&target().await?, &output)).await,
        Command::Restore(options) => Box::pin(restore::run(which, &options, terminal)).await,
        Command::Dlq(options) => dlq::run(&target().await?, &options).await,
        Command::RebuildFeed(output) => rebuild_feed::run(&target().await?, &output).await,
        Command::Render(options) => render::run(which, &options).await,
        Command::Orphan(options) => orphan::run(target().await?, &options).await,
        Command::SupportBundle(options) => support_bundle::run(&target().await?, &options).await,
        Command::Completion { shell, .. } => {
            let mut output = std::io::stdout();
            match shell {
                Some(shell) => {
                    clap_complete::generate(
                        shell,
                        &mut Arguments::command(),
                        "kubectl-tracklore",
                        &mut output,
                    );
                }
                None => output.write_all(completion::FOR_KUBECTL.as_bytes())?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Complete { words } => {
            completion::answer(Arguments::command(), &words).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
