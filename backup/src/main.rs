//! Copies of a stack's databases and Secrets: kept on a shelf, which is a bucket or a folder, and brought back from there.
//!
//! The dumps are made and read by Postgres' own tools, in a container beside this one; this program moves them, seals the
//! Secrets, checks what it reads, and takes away what is too old. It knows nothing of Kubernetes.

mod copy;
mod fetch;
mod https;
mod shelf;
mod store;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use jiff::Timestamp;

use crate::shelf::{Shelf, ShelfArgs};

/// Copies of a stack's databases and Secrets, in a bucket or a folder.
#[derive(Parser)]
#[command(name = "tracklore-backup", version)]
enum Cli {
    /// Keeps the dumps of a folder, and the Secrets sealed, as a new copy; then removes copies beyond the number to keep.
    Store(StoreArgs),
    /// Brings the dumps of a copy back into a folder, each checked against its hash.
    Fetch(FetchArgs),
    /// Writes the sealed Secrets of a copy into a file, as they are.
    Seal(SealArgs),
    /// Lists the copies, oldest first.
    List(ListArgs),
}

#[derive(clap::Args)]
struct StoreArgs {
    #[command(flatten)]
    shelf: ShelfArgs,
    /// Folder with the dumps: `<service>.dump` each.
    #[arg(long, env = "TRACKLORE_BACKUP_DUMPS", default_value = "/dumps")]
    dumps: PathBuf,
    /// Folder with a folder for each Secret, and in it a file for each of its keys.
    #[arg(long, env = "TRACKLORE_BACKUP_SECRETS", default_value = "/secrets")]
    secrets: PathBuf,
    /// What the Secrets are sealed with: at least 32 bytes of text.
    #[arg(long, env = "TRACKLORE_BACKUP_KEY", hide_env_values = true)]
    key: String,
    /// How many copies stay.
    #[arg(long, env = "TRACKLORE_BACKUP_KEEP", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..))]
    keep: u16,
}

#[derive(clap::Args)]
struct Choice {
    #[command(flatten)]
    shelf: ShelfArgs,
    /// Name of the copy, such as 20261122T030000Z, or `latest`.
    #[arg(long, env = "TRACKLORE_BACKUP_COPY", default_value = "latest")]
    copy: String,
}

#[derive(clap::Args)]
struct FetchArgs {
    #[command(flatten)]
    choice: Choice,
    /// Folder for the dumps.
    #[arg(long, env = "TRACKLORE_BACKUP_DUMPS", default_value = "/dumps")]
    dumps: PathBuf,
}

#[derive(clap::Args)]
struct SealArgs {
    #[command(flatten)]
    choice: Choice,
    /// The file. A pod's message to whoever started it is read from /dev/termination-log.
    #[arg(long, env = "TRACKLORE_BACKUP_SEAL_FILE", default_value = "/dev/termination-log")]
    file: PathBuf,
}

#[derive(clap::Args)]
struct ListArgs {
    #[command(flatten)]
    shelf: ShelfArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes, each once: clients of object stores say their causes in their own words as well.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| {
        if told.contains(&cause) {
            told
        } else if told.is_empty() {
            cause
        } else {
            format!("{told}: {cause}")
        }
    })
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli {
        Cli::Store(args) => {
            let shelf = Shelf::open(&args.shelf)?;
            let secrets = store::read_secrets(&args.secrets).await?;
            let copy = store::store(&shelf, &args.dumps, &secrets, &args.key, Timestamp::now()).await?;
            println!("kept {copy}");
            for gone in store::prune(&shelf, args.keep.into(), Timestamp::now()).await? {
                println!("removed {gone}");
            }
        }
        Cli::Fetch(args) => {
            let shelf = Shelf::open(&args.choice.shelf)?;
            let copy = fetch::choose(&shelf, &args.choice.copy).await?;
            fetch::dumps(&shelf, &copy, &args.dumps).await?;
            println!("brought back {copy}");
        }
        Cli::Seal(args) => {
            let shelf = Shelf::open(&args.choice.shelf)?;
            let copy = fetch::choose(&shelf, &args.choice.copy).await?;
            tokio::fs::write(&args.file, fetch::seal(&shelf, &copy).await?).await?;
            println!("took the sealed Secrets of {copy}");
        }
        Cli::List(args) => {
            for copy in fetch::all(&Shelf::open(&args.shelf)?).await? {
                println!("{copy}");
            }
        }
    }
    Ok(())
}
