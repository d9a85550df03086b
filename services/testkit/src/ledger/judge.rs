//! What is wrong when a book is compared with what was found.

mod kafka;
mod postgres;
mod redis;
mod streams;

use super::{Book, found::Found};
pub use streams::{Heard, Scope, Told, What, delays};

/// Harm, each as a sentence that says where to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Harm {
    /// Acknowledged, and missing somewhere.
    pub lost: Vec<String>,
    /// There though nobody was told so, or there twice.
    pub doubled: Vec<String>,
    /// There, in another order than it happened in.
    pub reordered: Vec<String>,
    /// Records in Kafka that are there again: allowed, because consumers pass over them.
    pub resent: usize,
}

impl Harm {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.reordered.is_empty()
    }

    /// Takes over what another one says.
    pub fn add(&mut self, other: Self) {
        self.lost.extend(other.lost);
        self.doubled.extend(other.doubled);
        self.reordered.extend(other.reordered);
        self.resent += other.resent;
    }

    /// The first sentences of each kind.
    pub fn examples(&self) -> String {
        let kinds = [("lost", &self.lost), ("doubled", &self.doubled), ("reordered", &self.reordered)];
        let lines = kinds
            .iter()
            .flat_map(|(kind, all)| all.iter().take(5).map(move |one| format!("  {kind}: {one}\n")));
        lines.collect()
    }
}

/// Compares the book with what was found in the stores and what streams were told.
pub fn judge(book: &Book, found: &Found, heard: &[Heard]) -> Harm {
    let mut harm = Harm::default();
    postgres::rows(book, &found.rows, &mut harm);
    postgres::revisions(book, &found.revisions, &mut harm);
    kafka::records(book, &found.records, &mut harm);
    redis::lists(book, &found.redis, &mut harm);
    redis::posts(book, &found.redis, &mut harm);
    redis::offsets(&found.records, &found.redis, &mut harm);
    for client in heard {
        streams::stream(book, client, &mut harm);
    }
    harm
}

#[cfg(test)]
pub(crate) mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ledger::{
        Moment, Version,
        found::{Kept, Published, ReadModel, Row},
    };

    pub(crate) fn at(seconds: u64) -> Moment {
        Moment::from_secs(seconds)
    }

    pub(crate) fn post(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    pub(crate) fn version(text: &str, begun: u64) -> Version {
        Version { text: text.to_owned(), begun: at(begun), acknowledged: at(begun) }
    }

    /// Post 1 of author 7 in two versions, post 2 of author 8, post 3 of author 7, which was deleted.
    pub(crate) fn book() -> Book {
        let mut book = Book::default();
        book.created(post(1), 7, 100, version("a", 1));
        book.created(post(2), 8, 200, version("b", 2));
        book.updated(post(1), version("a2", 3));
        book.created(post(3), 7, 300, version("c", 4));
        book.deleted(post(3), at(5));
        book
    }

    pub(crate) fn record(number: u128, sequence: usize, offset: i64) -> Published {
        let event = format!("{number}/{sequence}");
        Published { post: post(number), sequence, event, partition: 0, offset }
    }

    fn row(number: u128, version: usize, text: &str) -> Row {
        Row { id: post(number), version, text: text.to_owned() }
    }

    fn kept(sequence: usize, text: Option<&str>) -> Kept {
        Kept { sequence, text: text.map(str::to_owned) }
    }

    /// Exactly what the book says.
    pub(crate) fn found() -> Found {
        let list = |name: &str, ids: &[u128]| (name.to_owned(), ids.iter().copied().map(post).collect());
        Found {
            rows: vec![row(1, 2, "a2"), row(2, 1, "b")],
            revisions: vec![row(1, 1, "a")],
            records: vec![
                record(1, 1, 0),
                record(2, 1, 1),
                record(1, 2, 2),
                record(3, 1, 3),
                record(3, 2, 4),
            ],
            redis: ReadModel {
                lists: [list("global", &[2, 1]), list("user:7", &[1]), list("circle:8", &[2])].into(),
                posts: [
                    (post(1), kept(2, Some("a2"))),
                    (post(2), kept(1, Some("b"))),
                    (post(3), kept(2, None)),
                ]
                .into(),
                offsets: [(0, 5)].into(),
            },
        }
    }

    /// How many of each kind: lost, doubled, reordered.
    pub(crate) fn counts(harm: &Harm) -> (usize, usize, usize) {
        (harm.lost.len(), harm.doubled.len(), harm.reordered.len())
    }

    fn judged(change: impl Fn(&mut Found)) -> (usize, usize, usize) {
        let mut found = found();
        change(&mut found);
        counts(&judge(&book(), &found, &[]))
    }

    #[test]
    fn what_is_as_acknowledged_is_no_harm() {
        let harm = judge(&book(), &found(), &[]);
        assert_eq!(harm, Harm::default());
        assert!(harm.is_none());
    }

    #[test]
    fn rows_that_are_missing_old_or_nobodys_are_seen() {
        assert_eq!(judged(|found| drop(found.rows.pop())), (1, 0, 0));
        assert_eq!(judged(|found| found.rows[0] = row(1, 1, "a")), (1, 0, 0));
        assert_eq!(judged(|found| found.rows.push(row(3, 1, "c"))), (1, 0, 0));
        assert_eq!(judged(|found| found.rows.push(row(9, 1, "b"))), (0, 1, 0));
        assert_eq!(judged(|found| found.rows[0] = row(1, 3, "a2")), (0, 1, 0));
        assert_eq!(judged(|found| drop(found.revisions.pop())), (1, 0, 0));
        assert_eq!(judged(|found| found.revisions[0] = row(1, 1, "a2")), (0, 0, 1));
    }

    #[test]
    fn records_that_are_missing_or_nobodys_are_seen_and_those_sent_again_counted() {
        assert_eq!(judged(|found| drop(found.records.remove(1))), (1, 0, 0));
        assert_eq!(judged(|found| found.records[1] = record(9, 1, 1)), (1, 1, 0));
        let mut twice = found();
        twice.records.push(record(1, 1, 5));
        twice.redis.offsets.insert(0, 6);
        let harm = judge(&book(), &twice, &[]);
        assert_eq!((counts(&harm), harm.resent), ((0, 0, 0), 1));
        twice.records.last_mut().unwrap().event = "another event with the same number".to_owned();
        assert_eq!(counts(&judge(&book(), &twice, &[])), (0, 1, 0));
    }

    #[test]
    fn lists_that_miss_keep_or_swap_posts_are_seen() {
        let list = |found: &mut Found, ids: &[u128]| {
            found.redis.lists.insert("global".to_owned(), ids.iter().copied().map(post).collect());
        };
        assert_eq!(judged(|found| list(found, &[2])), (1, 0, 0));
        assert_eq!(judged(|found| list(found, &[3, 2, 1])), (1, 0, 0), "the deletion is lost");
        assert_eq!(judged(|found| list(found, &[9, 2, 1])), (0, 1, 0));
        assert_eq!(judged(|found| list(found, &[2, 1, 1])), (0, 1, 0));
        assert_eq!(judged(|found| list(found, &[1, 2])), (0, 0, 1));
    }

    #[test]
    fn bodies_and_offsets_that_stand_elsewhere_are_seen() {
        let keep = |found: &mut Found, number, kept| drop(found.redis.posts.insert(post(number), kept));
        assert_eq!(judged(|found| keep(found, 1, kept(1, Some("a")))), (1, 0, 0));
        assert_eq!(judged(|found| keep(found, 1, kept(2, Some("a")))), (0, 0, 1));
        assert_eq!(judged(|found| keep(found, 3, kept(1, Some("c")))), (1, 0, 0));
        assert_eq!(judged(|found| keep(found, 9, kept(1, Some("c")))), (0, 1, 0));
        assert_eq!(judged(|found| drop(found.redis.posts.remove(&post(2)))), (2, 0, 0), "in two lists");
        assert_eq!(judged(|found| found.redis.offsets = [(0, 4)].into()), (1, 0, 0));
        assert_eq!(judged(|found| found.redis.offsets = [(0, 6)].into()), (0, 1, 0));
    }
}
