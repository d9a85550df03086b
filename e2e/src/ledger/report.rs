//! The table in a document: between two marks, so that what people wrote around it stays.

use std::{fs, path::Path};

use tracklore_testkit::ledger::table::{Row, markdown};

const BEGIN: &str = "<!-- ledger: begin -->";
const END: &str = "<!-- ledger: end -->";

/// Writes the rows into the file that `LEDGER_REPORT` names, if it names one.
pub(super) fn write(rows: &[Row]) {
    let path = std::env::var("LEDGER_REPORT").unwrap_or_default();
    if path.is_empty() {
        return;
    }
    let commit = std::env::var("LEDGER_COMMIT").unwrap_or_else(|_| "an unknown commit".to_owned());
    let block = format!("{}\n{}", headline(&commit), markdown(rows));
    let text = fs::read_to_string(&path).expect("the report can be read");
    let text = put(&text, &block).unwrap_or_else(|| unreachable!("{path} has no marks for the table"));
    fs::write(Path::new(&path), text).expect("the report can be written");
}

fn headline(commit: &str) -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next());
    let gib = memory.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() >> 20;
    format!("At {commit}, on {cores} cores with {gib} GiB of memory, cluster and people on one machine:\n")
}

/// The text with another block between the marks.
fn put(text: &str, block: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{block}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let text = format!("above\n{BEGIN}\nold\n{END}\nbelow\n");
        assert_eq!(put(&text, "new\n").unwrap(), format!("above\n{BEGIN}\nnew\n{END}\nbelow\n"));
        assert_eq!(put("nothing", "new"), None);
    }
}
