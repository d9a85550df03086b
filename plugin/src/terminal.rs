//! How answers look: colours where a person looks and hasn't turned them off, columns, times as people say them.

use std::{
    ffi::OsStr,
    io::{BufRead, IsTerminal, Write},
};

use jiff::Timestamp;

/// How wide answers are.
pub const WIDTH: usize = 80;

/// A colour, by what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Somebody should look.
    Warning,
    /// Something is wrong.
    Bad,
    /// Beside the point.
    Quiet,
    /// What to look at first.
    Strong,
}

/// The terminal that answers go to.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether a person looks at the answer, rather than a file or a program.
    watched: bool,
    colours: bool,
}

impl Terminal {
    /// The one that standard output goes to.
    pub fn detect() -> Self {
        Self::of(std::io::stdout().is_terminal(), std::env::var_os("NO_COLOR").as_deref())
    }

    /// Colours only where a person looks and `NO_COLOR` isn't set (<https://no-color.org>).
    fn of(watched: bool, no_color: Option<&OsStr>) -> Self {
        Self { watched, colours: watched && no_color.is_none_or(OsStr::is_empty) }
    }

    /// One that nobody looks at, without colours.
    pub fn plain() -> Self {
        Self { watched: false, colours: false }
    }

    /// One that a person looks at.
    #[cfg(test)]
    pub fn coloured() -> Self {
        Self::of(true, None)
    }

    /// A text in one of the colours that mean nothing but that texts are of different things.
    pub fn tell_apart(self, which: usize, text: &str) -> String {
        // Neither red nor yellow, which mean something.
        const CODES: [&str; 10] = ["36", "35", "34", "32", "96", "95", "94", "92", "1;36", "1"];
        let code = CODES.get(which).unwrap_or(&"1");
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A text in a colour.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "31",
            Tone::Quiet => "2",
            Tone::Strong => "1",
        };
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Whether what was told before can be drawn over.
    pub fn redraws(self) -> bool {
        self.watched
    }
}

/// Wipes the screen and goes to its top.
pub const FRESH: &str = "\u{1b}[2J\u{1b}[H";
/// Goes to the top of the screen and wipes what was drawn from there.
pub const OVER: &str = "\u{1b}[H\u{1b}[J";

/// Says what will happen and asks whether it should: by `word`, typed by a person. Where none can be asked, it shouldn't.
pub fn confirm(what: &str, word: &str) -> Result<bool, std::io::Error> {
    let input = std::io::stdin();
    let mut questions = std::io::stderr();
    writeln!(questions, "{what}")?;
    if !input.is_terminal() {
        writeln!(questions, "Nobody can be asked here: repeat the command with --yes if that is wanted.")?;
        return Ok(false);
    }
    write!(questions, "Type {word} to go on: ")?;
    questions.flush()?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    Ok(answer.trim() == word)
}

/// How long ago something was, in one unit: `12s`, `5m`, `3h`, `9d`.
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

/// Words in lines of at most `width` characters, each line after `indent`.
pub fn wrap(text: &str, indent: &str, width: usize) -> String {
    let mut lines = vec![indent.to_owned()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        let empty = line.len() == indent.len();
        if !empty && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(format!("{indent}{word}"));
        } else {
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

/// Rows as columns that are as wide as they have to be, two spaces between; the last one isn't filled up.
pub fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..count).map(width).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| {
                let missing = width.saturating_sub(cell.chars().count());
                format!("{cell}{}", " ".repeat(missing))
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_one_unit() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let told = [5, 119, 120, 7199, 7200, 172_800]
            .map(|age| ago(now, Timestamp::from_second(1_000_000 - age).unwrap()));
        assert_eq!(told, ["5s", "119s", "2m", "119m", "2h", "2d"]);
        assert_eq!(ago(now, Timestamp::from_second(1_000_009).unwrap()), "0s", "clocks differ");
    }

    #[test]
    fn colours_are_for_people_who_have_not_turned_them_off() {
        let painted = |watched, no_color: Option<&str>| {
            Terminal::of(watched, no_color.map(OsStr::new)).paint(Tone::Bad, "x") != "x"
        };
        assert!(painted(true, None) && painted(true, Some("")));
        assert!(!painted(true, Some("1")) && !painted(false, None));
    }

    #[test]
    fn long_sentences_are_wrapped_at_words() {
        assert_eq!(wrap("a word and another one", "  ", 12), "  a word and\n  another\n  one");
        assert_eq!(wrap("a-very-long-word-that-fits-nowhere", "", 5), "a-very-long-word-that-fits-nowhere");
    }

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let rows = [vec!["a".to_owned(), "b".into()], vec!["long".into(), "c".into()]];
        assert_eq!(columns(&rows), ["a     b", "long  c"]);
    }
}
