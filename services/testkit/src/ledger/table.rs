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
    /// How often.
    pub times: usize,
    /// How often it proved something: enough was acknowledged, something was in flight, and the fault was seen.
    pub proved: usize,
    /// Writes that were acknowledged.
    pub acknowledged: usize,
    /// Writes whose answer was awaited when the fault came.
    pub in_flight: usize,
    /// What is wrong.
    pub harm: Harm,
    /// The longest time without a successful write.
    pub writes_away: Duration,
    /// The longest time without a successful read.
    pub reads_away: Duration,
}

impl Row {
    /// Of a fault that was played once. `observed` says whether what it does was seen: that the process is another one, say.
    pub fn once(fault: &str, acknowledged: usize, in_flight: usize, observed: bool, harm: Harm) -> Self {
        let proved = usize::from(acknowledged >= ENOUGH && in_flight >= 1 && observed);
        let (writes_away, reads_away) = (Duration::ZERO, Duration::ZERO);
        Self {
            fault: fault.to_owned(),
            times: 1,
            proved,
            acknowledged,
            in_flight,
            harm,
            writes_away,
            reads_away,
        }
    }

    /// Whether it proves something each time, and nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.proved == self.times && self.harm.is_none()
    }

    /// Takes in the same fault played again.
    fn add(&mut self, again: Self) {
        self.times += again.times;
        self.proved += again.proved;
        self.acknowledged += again.acknowledged;
        self.in_flight += again.in_flight;
        self.harm.add(again.harm);
        self.writes_away = self.writes_away.max(again.writes_away);
        self.reads_away = self.reads_away.max(again.reads_away);
    }
}

/// A row for each fault, however often it was played.
pub fn by_fault(rows: impl IntoIterator<Item = Row>) -> Vec<Row> {
    let mut faults = Vec::<Row>::new();
    for row in rows {
        match faults.iter_mut().find(|before| before.fault == row.fault) {
            Some(before) => before.add(row),
            None => faults.push(row),
        }
    }
    faults
}

/// The rows as a Markdown table.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| fault | times | proved | acknowledged | in flight | lost | doubled | reordered | re-sent | writes away | reads away | |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for row in rows {
        let Row { fault, times, proved, acknowledged, in_flight, harm, writes_away, reads_away } = row;
        let verdict = match (harm.is_none(), row.is_good()) {
            (false, _) => "**harm**",
            (true, false) => "proves too little",
            (true, true) => "good",
        };
        // writing to a string can't fail
        let _ = writeln!(
            text,
            "| {fault} | {times} | {proved} | {acknowledged} | {in_flight} | {} | {} | {} | {} | {:.1} s | {:.1} s | {verdict} |",
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

    fn lost() -> Harm {
        Harm { lost: vec!["x".to_owned()], ..Harm::default() }
    }

    #[test]
    fn a_row_proves_something_only_with_enough_writes_one_in_flight_and_the_fault_seen() {
        assert!(Row::once("x", 1000, 1, true, Harm::default()).is_good());
        for weak in [
            Row::once("x", 999, 1, true, Harm::default()),
            Row::once("x", 1000, 0, true, Harm::default()),
            Row::once("x", 1000, 1, false, Harm::default()),
        ] {
            assert_eq!((weak.proved, weak.is_good()), (0, false), "{weak:?}");
        }
        assert!(!Row::once("x", 1000, 1, true, lost()).is_good());
    }

    #[test]
    fn a_fault_that_was_played_often_has_one_row_and_a_weak_time_shows_in_it() {
        let good = |fault| Row {
            writes_away: Duration::from_millis(1234),
            ..Row::once(fault, 1000, 2, true, Harm { resent: 3, ..Harm::default() })
        };
        let rows = by_fault([good("a"), good("b"), Row { proved: 0, ..good("b") }, good("a")]);
        let table = markdown(&rows);
        let lines: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(lines[0], "| a | 2 | 2 | 2000 | 4 | 0 | 0 | 0 | 6 | 1.2 s | 0.0 s | good |");
        assert_eq!(lines[1], "| b | 2 | 1 | 2000 | 4 | 0 | 0 | 0 | 6 | 1.2 s | 0.0 s | proves too little |");
        assert!(markdown(&[Row::once("c", 1000, 1, true, lost())]).ends_with("| **harm** |\n"));
    }
}
