//! What a stream's client was told, against the book. A `reset` says openly that something may have been missed: whoever gets
//! one reads the list anew, so what was begun before it needn't be told, and may be told again.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Harm;
use crate::ledger::{Book, Moment, Written};

/// What a client listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's posts.
    Global,
    /// The posts of this author.
    Author(i64),
}

/// What a client was told, over all its connections.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What it listens to.
    pub scope: Scope,
    /// When its first connection stood.
    pub since: Moment,
    /// In this order.
    pub told: Vec<Told>,
}

/// One event of a stream.
#[derive(Clone, Debug)]
pub struct Told {
    /// When it came.
    pub at: Moment,
    /// Its id: the log's epoch, time and count.
    pub id: (String, u64, u64),
    /// What it said.
    pub what: What,
}

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A post is there, in this version.
    Shown(Uuid, usize),
    /// A post is there no more.
    Removed(Uuid),
    /// Something may have been missed.
    Reset,
}

/// Stands for "removed" among versions: nothing comes after it.
const REMOVED: usize = usize::MAX;

pub(super) fn stream(book: &Book, heard: &Heard, harm: &mut Harm) {
    let name = match heard.scope {
        Scope::Global => "global".to_owned(),
        Scope::Author(id) => format!("user:{id}"),
    };
    // since the last reset
    let (mut since, mut last) = (heard.since, None::<&(String, u64, u64)>);
    let mut told = BTreeMap::<Uuid, Vec<usize>>::new();
    for Told { at, id, what } in &heard.told {
        let (post, version) = match *what {
            What::Reset => {
                (since, last) = (*at, None);
                told.clear();
                continue;
            }
            What::Shown(post, version) => (post, version),
            What::Removed(post) => (post, REMOVED),
        };
        if last.is_some_and(|last| last.0 == id.0 && (last.1, last.2) >= (id.1, id.2)) {
            harm.reordered.push(format!("stream {name}: the id of {what:?} isn't after the one before"));
        }
        last = Some(id);
        let versions = told.entry(post).or_default();
        if versions.contains(&version) {
            harm.doubled.push(format!("stream {name}: {what:?} is told twice"));
        } else if versions.iter().any(|before| *before > version) {
            harm.reordered.push(format!("stream {name}: {what:?} is told after something later"));
        }
        versions.push(version);
    }
    for (id, post) in book.posts().filter(|(_, post)| concerns(heard.scope, post)) {
        let told = told.get(id).map(Vec::as_slice).unwrap_or_default();
        let versions = post.versions.iter().enumerate().map(|(index, version)| (index + 1, version.begun));
        let events = versions.chain(post.deleted.map(|begun| (REMOVED, begun)));
        for (version, _) in events.filter(|(version, begun)| *begun > since && !told.contains(version)) {
            let what =
                if version == REMOVED { "the deletion".to_owned() } else { format!("version {version}") };
            harm.lost.push(format!("stream {name}: {what} of {id} is not told"));
        }
    }
}

/// How long after its acknowledgement each version was told, sorted; nothing for one that came before.
pub fn delays(book: &Book, heard: &Heard) -> Vec<Moment> {
    let delay = |told: &Told| {
        let What::Shown(post, version) = told.what else { return None };
        let acknowledged = book.get(&post)?.versions.get(version.checked_sub(1)?)?.acknowledged;
        Some(told.at.saturating_sub(acknowledged))
    };
    let mut delays: Vec<_> = heard.told.iter().filter_map(delay).collect();
    delays.sort_unstable();
    delays
}

fn concerns(scope: Scope, post: &Written) -> bool {
    match scope {
        Scope::Global => true,
        Scope::Author(author) => post.author == author,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::judge::tests::{at, book, counts, post};

    fn told(count: u64, what: What) -> Told {
        Told { at: at(count), id: ("e".to_owned(), 1000 + count, 0), what }
    }

    /// All of the test's book, from the beginning.
    fn whole() -> Vec<Told> {
        use What::{Removed, Shown};
        let all =
            [Shown(post(1), 1), Shown(post(2), 1), Shown(post(1), 2), Shown(post(3), 1), Removed(post(3))];
        all.into_iter().zip(1..).map(|(what, count)| told(count, what)).collect()
    }

    fn judged(scope: Scope, told: Vec<Told>) -> (usize, usize, usize) {
        let mut harm = Harm::default();
        stream(&book(), &Heard { scope, since: at(0), told }, &mut harm);
        counts(&harm)
    }

    #[test]
    fn a_stream_that_tells_all_in_order_is_right() {
        assert_eq!(judged(Scope::Global, whole()), (0, 0, 0));
        let mut own = whole();
        own.remove(1);
        assert_eq!(judged(Scope::Author(7), own), (0, 0, 0));
    }

    #[test]
    fn what_is_missing_told_twice_or_late_is_seen() {
        for index in 0..5 {
            let mut all = whole();
            all.remove(index);
            assert_eq!(judged(Scope::Global, all), (1, 0, 0));
        }
        let mut twice = whole();
        twice.push(told(6, What::Shown(post(2), 1)));
        assert_eq!(judged(Scope::Global, twice), (0, 1, 0));
        let mut swapped = whole();
        swapped.swap(0, 2);
        // the older version comes late, and the ids go back twice
        assert_eq!(judged(Scope::Global, swapped), (0, 0, 3));
        let mut risen = whole();
        risen.push(told(6, What::Shown(post(3), 2)));
        assert_eq!(judged(Scope::Global, risen), (0, 0, 1));
    }

    #[test]
    fn delays_are_from_the_acknowledgement_to_the_stream() {
        let late = vec![told(4, What::Shown(post(1), 1)), told(5, What::Shown(post(2), 1))];
        let heard = Heard { scope: Scope::Global, since: at(0), told: late };
        assert_eq!(delays(&book(), &heard), [at(3), at(3)]);
    }

    #[test]
    fn after_a_reset_only_what_was_begun_later_must_be_told_and_all_may_be_told_again() {
        let mut all = whole();
        all.remove(0);
        all.insert(2, told(3, What::Reset));
        assert_eq!(judged(Scope::Global, all), (0, 0, 0));
        let again = [vec![told(0, What::Reset)], whole(), vec![told(6, What::Reset)], whole()].concat();
        assert_eq!(judged(Scope::Global, again), (0, 0, 0));
        let ends = [whole(), vec![told(3, What::Reset)]].concat();
        assert_eq!(judged(Scope::Global, ends), (2, 0, 0), "post 3 and its deletion came later");
    }
}
