//! `doctor`: looks for what is wrong, and says what to do.

use std::{io::Write, process::ExitCode};

use super::{Format, Output};
use crate::{
    Error,
    findings::{self, Finding},
    target::Target,
    terminal::{Terminal, Tone, WIDTH, wrap},
};

/// Tells what it finds; the exit code is 1 when something is wrong.
pub async fn run(target: &Target, output: &Output, terminal: &Terminal) -> Result<ExitCode, Error> {
    let findings = findings::look(target).await;
    match output.format() {
        Format::Json => super::json(&findings)?,
        Format::Text => write!(std::io::stdout().lock(), "{}", text(&findings, *terminal))?,
    }
    let wrong = findings.iter().any(|finding| matches!(finding, Finding::Wrong(_)));
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// On 80 columns.
pub fn text(findings: &[Finding], terminal: Terminal) -> String {
    let line = |finding: &Finding| {
        let (tone, sign, sentence) = match finding {
            Finding::Fine(sentence) => (Tone::Good, "✔", sentence),
            Finding::Unknown(sentence) => (Tone::Warning, "?", sentence),
            Finding::Wrong(sentence) => (Tone::Bad, "✘", sentence),
        };
        format!("{} {}\n", terminal.paint(tone, sign), wrap(sentence, "  ", WIDTH).trim_start())
    };
    findings.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> [Finding; 3] {
        let long =
            "a sentence that says what is wrong, and after that what is to be done about it, ".repeat(3);
        [Finding::Fine("well".into()), Finding::Unknown("who knows".into()), Finding::Wrong(long)]
    }

    #[test]
    fn sentences_stand_on_80_columns_each_behind_its_sign() {
        let told = text(&findings(), Terminal::plain());
        assert!(told.lines().all(|line| line.chars().count() <= WIDTH), "{told}");
        let mut lines = told.lines();
        assert_eq!(lines.next(), Some("✔ well"));
        assert_eq!(lines.next(), Some("? who knows"));
        assert!(lines.next().is_some_and(|line| line.starts_with("✘ a sentence")));
        assert!(lines.all(|line| line.starts_with("  ") && !line.starts_with("   ")), "{told}");
    }

    #[test]
    fn signs_have_colours_only_where_these_are_wanted() {
        assert!(!text(&findings(), Terminal::plain()).contains('\u{1b}'));
        let coloured = text(&findings(), Terminal::coloured());
        assert_eq!(coloured.matches("\u{1b}[0m").count(), 3, "the sentences have none: {coloured}");
    }
}
