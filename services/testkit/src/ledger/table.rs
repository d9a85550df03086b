//! The ledger's table.

use std::{fmt::Write as _, time::Duration};

use super::Harm;

/// Fewer acknowledged writes prove little.
pub const ENOUGH: usize = 1000;

/// One fault, and what came of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was done.
    pub fault: String,
    /// Writes that were acknowledged.
    pub acknowledged: usize,
    /// Writes whose answer was awaited when the fault came.
    pub in_flight: usize,
    /// Whether what the fault does was seen: the process is another one, say.
    pub observed: bool,
    /// What is wrong.
    pub harm: Harm,
    /// The longest time without a successful write.
    pub writes_away: Duration,
    /// The longest time without a successful read.
    pub reads_away: Duration,
}

impl Row {
    /// Whether it proves anything.
    pub fn counts(&self) -> bool {
        self.acknowledged >= ENOUGH && self.in_flight >= 1 && self.observed
    }

    /// Whether it counts and nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.counts() && self.harm.is_none()
    }
}

/// The rows as a Markdown table.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| fault | acknowledged | in flight | seen | lost | doubled | reordered | re-sent | writes away | reads away | |\n\
         |---|---:|---:|---|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for row in rows {
        let Row { fault, acknowledged, in_flight, observed, harm, writes_away, reads_away } = row;
        let verdict = match (row.counts(), harm.is_none()) {
            (_, false) => "**harm**",
            (false, true) => "doesn't count",
            (true, true) => "good",
        };
        // writing to a string can't fail
        let _ = writeln!(
            text,
            "| {fault} | {acknowledged} | {in_flight} | {} | {} | {} | {} | {} | {:.1} s | {:.1} s | {verdict} |",
            if *observed { "yes" } else { "no" },
            harm.lost.len(),
            harm.doubled.len(),
            harm.reordered.len(),
            harm.resent,
            writes_away.as_secs_f64(),
            reads_away.as_secs_f64(),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            fault: "kill -9 of posts".to_owned(),
            acknowledged: 1000,
            in_flight: 1,
            observed: true,
            harm: Harm { resent: 3, ..Harm::default() },
            writes_away: Duration::from_millis(1234),
            reads_away: Duration::ZERO,
        }
    }

    #[test]
    fn a_row_counts_only_with_enough_writes_one_in_flight_and_the_fault_seen() {
        assert!(row().is_good());
        for weak in [
            Row { acknowledged: 999, ..row() },
            Row { in_flight: 0, ..row() },
            Row { observed: false, ..row() },
        ] {
            assert!(!weak.counts() && !weak.is_good(), "{weak:?}");
        }
        let harm = Harm { lost: vec!["x".to_owned()], ..Harm::default() };
        assert!(!Row { harm, ..row() }.is_good());
    }

    #[test]
    fn the_table_says_what_came_of_each_fault() {
        let table = markdown(&[row(), Row { in_flight: 0, ..row() }]);
        let lines: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(lines[0], "| kill -9 of posts | 1000 | 1 | yes | 0 | 0 | 0 | 3 | 1.2 s | 0.0 s | good |");
        assert!(lines[1].ends_with("| doesn't count |"));
    }
}
