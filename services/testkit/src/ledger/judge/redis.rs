//! The feed's keys against the book.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Harm;
use crate::ledger::{
    Book,
    found::{Kept, Published, ReadModel},
};

/// How much of the lists is shown; further on a list may end or have gaps.
const SHOW_GLOBAL: usize = 1000;
const SHOW_USER: usize = 100;

pub(super) fn lists(book: &Book, model: &ReadModel, harm: &mut Harm) {
    for (name, ids) in &model.lists {
        let author = name.split_once(':').and_then(|(_, id)| id.parse().ok());
        let shown = if author.is_some() { SHOW_USER } else { SHOW_GLOBAL };
        let expected = book.list(author, shown);
        // a list that nobody needs is dropped, and filled when somebody reads it
        let actual: Vec<_> = ids.iter().copied().take(shown).collect();
        list(book, name, &expected, &actual, harm);
        for id in actual.iter().filter(|id| expected.contains(id)) {
            if model.posts.get(id).is_none_or(|kept| kept.text.is_none()) {
                harm.lost.push(format!("list {name} has {id}, whose text is not kept"));
            }
        }
    }
}

fn list(book: &Book, name: &str, expected: &[Uuid], actual: &[Uuid], harm: &mut Harm) {
    let (wanted, there): (BTreeSet<_>, BTreeSet<_>) = (expected.iter().collect(), actual.iter().collect());
    for id in wanted.difference(&there) {
        harm.lost.push(format!("list {name} doesn't show {id}"));
    }
    for id in there.difference(&wanted) {
        match book.get(id) {
            None => harm.doubled.push(format!("list {name} shows {id}, of which nobody was told")),
            Some(post) if post.deleted.is_some() => {
                harm.lost.push(format!("list {name} shows {id}, which was deleted"));
            }
            // in the place of one that is missing
            Some(_) => {}
        }
    }
    if there.len() < actual.len() {
        harm.doubled.push(format!("list {name} shows {} posts twice", actual.len() - there.len()));
    } else if wanted == there && expected != actual {
        harm.reordered.push(format!("list {name} isn't in the order of its posts"));
    }
}

pub(super) fn posts(book: &Book, model: &ReadModel, harm: &mut Harm) {
    for (id, Kept { sequence, text }) in &model.posts {
        let Some(post) = book.get(id) else {
            harm.doubled.push(format!("Redis keeps {id}, of which nobody was told"));
            continue;
        };
        let last = post.sequence();
        if *sequence < last {
            harm.lost.push(format!("Redis has event {sequence} of {id}, {last} was acknowledged"));
        } else if *sequence > last {
            harm.doubled.push(format!("Redis has event {sequence} of {id}, which has {last}"));
        } else if post.deleted.is_some() != text.is_none() {
            harm.lost.push(format!("{id} is kept with the text {text:?} in Redis"));
        } else if text.as_deref().is_some_and(|text| post.text(last) != Some(text)) {
            harm.reordered.push(format!("event {sequence} of {id} says {text:?} in Redis"));
        }
    }
}

/// The feed stands where the topic ends.
pub(super) fn offsets(records: &[Published], model: &ReadModel, harm: &mut Harm) {
    let mut ends = BTreeMap::new();
    for record in records {
        let end = ends.entry(record.partition).or_insert(0);
        *end = (record.offset + 1).max(*end);
    }
    for (partition, end) in ends {
        let stands = model.offsets.get(&partition).copied().unwrap_or_default();
        if stands < end {
            harm.lost
                .push(format!("the feed stands at {stands} in partition {partition}, which ends at {end}"));
        } else if stands > end {
            harm.doubled
                .push(format!("the feed stands at {stands} in partition {partition}, which ends at {end}"));
        }
    }
}
