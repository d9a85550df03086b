//! Rows against the book.

use std::collections::{BTreeMap, BTreeSet};

use super::Harm;
use crate::ledger::{Book, found::Row};

pub(super) fn rows(book: &Book, rows: &[Row], harm: &mut Harm) {
    let found: BTreeMap<_, _> = rows.iter().map(|row| (row.id, row)).collect();
    for (id, post) in book.posts() {
        let Some(row) = found.get(id) else {
            if post.deleted.is_none() {
                harm.lost.push(format!("post {id} is not in Postgres"));
            }
            continue;
        };
        if post.deleted.is_some() {
            harm.lost.push(format!("post {id} was deleted and is in Postgres"));
        } else if row.version > post.version() {
            let (is, was) = (row.version, post.version());
            harm.doubled.push(format!("post {id} has version {is} in Postgres, {was} was acknowledged"));
        } else if row.version < post.version() || post.text(row.version) != Some(&row.text) {
            harm.lost.push(format!(
                "post {id} is version {} ({:?}) in Postgres, {} ({:?}) was acknowledged",
                row.version,
                row.text,
                post.version(),
                post.text(post.version()).unwrap_or_default(),
            ));
        }
    }
    for row in rows.iter().filter(|row| book.get(&row.id).is_none()) {
        harm.doubled.push(format!("post {} ({:?}) is in Postgres, and nobody was told so", row.id, row.text));
    }
}

pub(super) fn revisions(book: &Book, revisions: &[Row], harm: &mut Harm) {
    let mut found = BTreeSet::new();
    for Row { id, version, text } in revisions {
        found.insert((*id, *version));
        match book.get(id) {
            Some(post) if post.text(*version).is_some_and(|was| was != text) => {
                harm.reordered
                    .push(format!("version {version} of post {id} is {text:?} among its revisions"));
            }
            Some(_) => {}
            None => harm.doubled.push(format!("a revision of {id}, of which nobody was told")),
        }
    }
    for (id, post) in book.posts().filter(|(_, post)| post.deleted.is_none()) {
        for version in (1..post.version()).filter(|version| !found.contains(&(*id, *version))) {
            harm.lost.push(format!("version {version} of post {id} is not among its revisions"));
        }
    }
}
