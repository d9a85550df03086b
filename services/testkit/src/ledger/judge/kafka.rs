//! Records against the book. The same event again is allowed: delivery is at least once. So is an event that comes after a later
//! one of its post because it had to be sent again; what counts is what consumers make of it.

use std::collections::BTreeMap;

use super::Harm;
use crate::ledger::{Book, found::Published};

pub(super) fn records(book: &Book, records: &[Published], harm: &mut Harm) {
    // which event stands for each number of each post
    let mut events = BTreeMap::new();
    for record in records {
        let Published { post, sequence, event, partition, offset } = record;
        let place = format!("partition {partition}, offset {offset}");
        match book.get(post) {
            None => harm.doubled.push(format!("{post} is published ({place}), and nobody was told so")),
            Some(written) if *sequence > written.sequence() => {
                let last = written.sequence();
                harm.doubled.push(format!("event {sequence} of {post} ({place}), which has {last}"));
            }
            Some(_) => {}
        }
        match events.insert((*post, *sequence), event) {
            Some(before) if before == event => harm.resent += 1,
            Some(_) => harm.doubled.push(format!("two events {sequence} of {post}, the second at {place}")),
            None => {}
        }
    }
    for (id, post) in book.posts() {
        for sequence in (1..=post.sequence()).filter(|sequence| !events.contains_key(&(*id, *sequence))) {
            harm.lost.push(format!("event {sequence} of post {id} is not in Kafka"));
        }
    }
}
