//! What waits in the services for longer than it should, by the limits of the alerts.

use super::{Advice, Finding};
use crate::backlog::{Backlog, Waiting};

/// How many seconds an event may wait until Kafka has it, or until a service has applied it.
const EVENT: f64 = 60.0;
/// How many seconds lists may be behind what they show.
const LIST: f64 = 30.0;

/// Goes through what the services tell.
pub fn look(waiting: &Waiting, advice: &Advice) -> Vec<Finding> {
    let wrong = waiting.backlogs.iter().flat_map(|backlog| wrong(backlog, advice));
    let mut found: Vec<_> = wrong.map(Finding::Wrong).collect();
    if found.is_empty() && !waiting.backlogs.is_empty() {
        found.push(Finding::Fine("no event waits for long, and none lies among dead letters".to_owned()));
    }
    found.extend(waiting.not_known().map(Finding::Unknown));
    found
}

fn wrong(backlog: &Backlog, advice: &Advice) -> Vec<String> {
    let Backlog { part, unpublished_for, behind, dead_letters, stale, .. } = backlog;
    let mut sentences = Vec::new();
    if *unpublished_for > EVENT {
        sentences.push(format!(
            "{part}: the oldest event that isn't published waits for {unpublished_for:.0} s; see whether Kafka takes it: {}",
            advice.logs(part, "kafka")
        ));
    }
    if *behind > EVENT {
        sentences.push(format!(
            "{part}: it applies events {behind:.0} s late; see what holds it up: {}; if it has only too much to do, raise services.{part}.replicas",
            advice.command(&format!("logs {part}"))
        ));
    }
    if *stale > LIST {
        sentences.push(format!(
            "{part}: lists don't show yet what changed {stale:.0} s ago; see what holds it up: {}",
            advice.logs(part, "redis")
        ));
    }
    if *dead_letters > 0.0 {
        sentences.push(format!(
            "{part}: {dead_letters} events couldn't be processed; see which and why: {}",
            advice.command(&format!("dlq {part} list"))
        ));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_long_and_what_could_not_be_processed_is_wrong() {
        let some = Backlog { part: "feed".into(), unapplied: 12.0, behind: 3.0, ..Backlog::default() };
        let well = Waiting { backlogs: vec![some.clone()], ..Waiting::default() };
        assert!(matches!(&look(&well, &Advice::default())[..], [Finding::Fine(_)]));

        let late = Backlog { behind: 61.0, stale: 31.0, dead_letters: 2.0, unpublished_for: 61.0, ..some };
        let unknown = [("user".to_owned(), "you may not get pods/proxy".to_owned())].into();
        let told = look(&Waiting { backlogs: vec![late], unknown }, &Advice::default());
        let [
            Finding::Wrong(outbox),
            Finding::Wrong(late),
            Finding::Wrong(stale),
            Finding::Wrong(dead),
            unknown,
        ] = &told[..]
        else {
            panic!("{told:?}")
        };
        assert!(outbox.contains("kubectl tracklore logs feed kafka"), "{outbox}");
        assert!(late.contains("61 s late") && late.contains("services.feed.replicas"), "{late}");
        assert!(stale.contains("31 s ago"), "{stale}");
        assert!(dead.contains("kubectl tracklore dlq feed list"), "{dead}");
        assert_eq!(*unknown, Finding::Unknown("user: not all is known: you may not get pods/proxy".into()));
    }
}
