//! What was acknowledged.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Moment;

/// All posts whose creation was acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Book {
    posts: BTreeMap<Uuid, Written>,
    acknowledged: usize,
}

/// A post, as its writer was told it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Who wrote it.
    pub author: i64,
    /// In milliseconds; with the id it decides the post's place in lists.
    pub created_at: i64,
    /// What it said, from the first version on.
    pub versions: Vec<Version>,
    /// When its deletion, if it is deleted, was begun.
    pub deleted: Option<Moment>,
}

/// One version of a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The text.
    pub text: String,
    /// When the write was first tried: nobody could know of it before.
    pub begun: Moment,
    /// When it was acknowledged.
    pub acknowledged: Moment,
}

impl Written {
    /// The number of the last version.
    pub fn version(&self) -> usize {
        self.versions.len()
    }

    /// The number of the last event: the deletion is one, too.
    pub fn sequence(&self) -> usize {
        self.versions.len() + usize::from(self.deleted.is_some())
    }

    /// The text of a version, counted from 1.
    pub fn text(&self, version: usize) -> Option<&str> {
        Some(self.versions.get(version.checked_sub(1)?)?.text.as_str())
    }
}

impl Book {
    /// A post was created.
    pub fn created(&mut self, id: Uuid, author: i64, created_at: i64, first: Version) {
        self.acknowledged += 1;
        self.posts.insert(id, Written { author, created_at, versions: vec![first], deleted: None });
    }

    /// A post was changed.
    pub fn updated(&mut self, id: Uuid, next: Version) {
        self.acknowledged += 1;
        if let Some(post) = self.posts.get_mut(&id) {
            post.versions.push(next);
        }
    }

    /// A post was deleted.
    pub fn deleted(&mut self, id: Uuid, begun: Moment) {
        self.acknowledged += 1;
        if let Some(post) = self.posts.get_mut(&id) {
            post.deleted = Some(begun);
        }
    }

    /// How many writes were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged
    }

    /// The post with this id.
    pub fn get(&self, id: &Uuid) -> Option<&Written> {
        self.posts.get(id)
    }

    /// All posts, also those deleted.
    pub fn posts(&self) -> impl Iterator<Item = (&Uuid, &Written)> {
        self.posts.iter()
    }

    /// What a list shows: the posts that are there, of one author or all, newest first.
    pub fn list(&self, author: Option<i64>, shown: usize) -> Vec<Uuid> {
        let mut there: Vec<_> = self
            .posts
            .iter()
            .filter(|(_, post)| post.deleted.is_none() && author.is_none_or(|author| author == post.author))
            .map(|(id, post)| (post.created_at, *id))
            .collect();
        there.sort_unstable_by(|a, b| b.cmp(a));
        there.into_iter().take(shown).map(|(_, id)| id).collect()
    }
}
