//! `dlq`: looking at dead letters, and getting rid of them one way or the other.

use std::collections::BTreeSet;

use serde_json::json;

use super::{DeadLetters, DlqError, Letter};
use crate::consumer::{Failure, Handler};

/// What to do with the dead letters.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum DlqAction {
    /// Lists them, the oldest first: id, time, type, subject, reason. A line each; with --json an object a line.
    List {
        /// For machines.
        #[arg(long)]
        json: bool,
    },
    /// Shows one with everything that it has, as JSON.
    Show {
        /// `<topic>/<partition>/<offset>`, as `list` prints it.
        id: String,
    },
    /// Applies them again, as if they were read now. What succeeds is no dead letter any more, what doesn't stays.
    /// Safe to repeat: older events change nothing.
    Redrive(Selection),
    /// Drops them.
    Discard(Selection),
}

/// Some dead letters.
#[derive(clap::Args, Clone, Debug)]
pub struct Selection {
    /// Ids, as `list` prints them.
    #[arg(conflicts_with = "all")]
    pub ids: Vec<String>,
    /// All there are.
    #[arg(long)]
    pub all: bool,
}

/// Does it, and prints what was done. Who redrives needs the service's handler.
pub async fn run<H: Handler>(letters: &DeadLetters, handler: &H, action: &DlqAction) -> Result<(), DlqError> {
    let present = letters.list().await?;
    match action {
        DlqAction::List { json } => {
            for letter in &present {
                println!("{}", if *json { described(letter).to_string() } else { line(letter) });
            }
            Ok(())
        }
        DlqAction::Show { id } => {
            let letter = present.iter().find(|letter| letter.id() == *id);
            let letter = letter.ok_or_else(|| DlqError::Unknown(id.clone()))?;
            println!("{:#}", described(letter));
            Ok(())
        }
        DlqAction::Redrive(selection) => redrive(letters, handler, &selection.of(&present)?).await,
        DlqAction::Discard(selection) => {
            for letter in selection.of(&present)? {
                letters.remove(letter).await?;
                println!("{}\tdiscarded", letter.id());
            }
            Ok(())
        }
    }
}

async fn redrive<H: Handler>(letters: &DeadLetters, handler: &H, chosen: &[&Letter]) -> Result<(), DlqError> {
    let mut left = 0;
    for letter in chosen {
        match handler.handle(&letter.record).await {
            Ok(()) => {
                letters.remove(letter).await?;
                println!("{}\tapplied", letter.id());
            }
            Err(Failure::Poison(reason) | Failure::Retry(reason)) => {
                left += 1;
                println!("{}\tstays: {reason}", letter.id());
            }
        }
    }
    if left == 0 { Ok(()) } else { Err(DlqError::Left(left, chosen.len())) }
}

impl Selection {
    /// Those of `present` that were chosen; ids that aren't there (any more) are said and passed over, so that a
    /// command can be repeated.
    fn of<'a>(&self, present: &'a [Letter]) -> Result<Vec<&'a Letter>, DlqError> {
        if self.ids.is_empty() && !self.all {
            return Err(DlqError::NothingChosen);
        }
        let there: BTreeSet<_> = present.iter().map(Letter::id).collect();
        for id in self.ids.iter().filter(|id| !there.contains(*id)) {
            println!("{id}\tnot there (any more)");
        }
        Ok(present.iter().filter(|letter| self.all || self.ids.contains(&letter.id())).collect())
    }
}

fn line(letter: &Letter) -> String {
    let header = |name| letter.record.header(name).unwrap_or("-");
    let reason = letter.reason.replace(['\n', '\t'], " ");
    format!(
        "{}\t{}\t{}\t{}\t{reason}",
        letter.id(),
        letter.buried_at,
        header("ce_type"),
        header("ce_subject")
    )
}

fn described(letter: &Letter) -> serde_json::Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers: serde_json::Map<_, _> =
        letter.record.headers.iter().map(|(key, value)| (key.clone(), text(value).into())).collect();
    let value = letter.record.value.as_deref().unwrap_or_default();
    json!({
        "id": letter.id(), "reason": letter.reason, "buried_at": letter.buried_at,
        "topic": letter.record.topic, "partition": letter.record.partition, "offset": letter.record.offset,
        "key": text(&letter.record.key), "headers": headers,
        // what can be read as JSON is shown as such
        "value": serde_json::from_slice::<serde_json::Value>(value).unwrap_or_else(|_| text(value).into()),
    })
}
