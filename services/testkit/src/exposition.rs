//! What a program tells Prometheus, held against what it says of itself by its command `metrics`.

use std::collections::{BTreeMap, BTreeSet};

/// What isn't as documented: series without a row or with other labels than its row has, and metrics that are told under another
/// kind. `rows` are those of the Markdown table, `told` is the answer of `/metrics`.
pub fn undocumented(rows: &str, told: &str) -> Vec<String> {
    let documented: BTreeMap<_, _> = rows.lines().map(row).collect();
    let mut flaws = Vec::new();
    for line in told.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, labels) = series(line);
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        match documented.get(name).or_else(|| documented.get(base?)) {
            None => flaws.push(format!("no row is about {line}")),
            Some((_, known)) if *known != labels => {
                flaws.push(format!("the row has the labels {known:?}: {line}"));
            }
            Some(_) => {}
        }
    }
    for (name, (kind, _)) in &documented {
        let (help, typed) = (format!("# HELP {name} "), format!("# TYPE {name} {kind}\n"));
        // what hasn't happened yet isn't shown
        if told.contains(&help) != told.contains(&typed) {
            flaws.push(format!("{name} isn't told as {kind}"));
        }
    }
    flaws
}

/// Name, kind and labels of a row.
fn row(row: &str) -> (&str, (&str, BTreeSet<&str>)) {
    let mut cells = row.split('|').skip(1).map(|cell| cell.trim().trim_matches('`'));
    let mut next = || cells.next().unwrap_or_default();
    let (name, kind) = (next(), next());
    let labels = next().split(", ").map(|label| label.trim_matches('`'));
    (name, (kind, labels.filter(|label| !label.is_empty()).collect()))
}

/// Name and labels of a line such as `name{label="value",…} 1`.
fn series(line: &str) -> (&str, BTreeSet<&str>) {
    let (name, rest) = line.split_once(['{', ' ']).expect("a name");
    let labels = if line.contains('{') { rest.split('}').next().unwrap_or_default() } else { "" };
    let labels = labels.split(',').filter_map(|pair| Some(pair.split_once('=')?.0));
    (name, labels.filter(|label| *label != "le").collect())
}
