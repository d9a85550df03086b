//! The first page of what everybody did, which most readers ask for: at hand in this process while nothing has changed.
//!
//! The log of changes tells of posts, and what it tells ends the page at once. It tells nothing of names, of posts that
//! expire, or while Redis is away: so the page is kept for a moment only, and no longer than its posts.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use tracklore_platform::time::Timestamp;

use crate::{
    live::{change::Position, hub::Hub},
    page::Page,
};

/// How long a name may be an old one, at most.
const MOMENT: Duration = Duration::from_millis(250);

/// The page of the limit that was asked for last, if it still holds.
#[derive(Clone)]
pub struct Front {
    hub: Hub,
    kept: Arc<RwLock<Option<Kept>>>,
}

/// Where the log was, and when, before a page is read.
pub struct Look {
    position: Option<Position>,
    at: Instant,
}

struct Kept {
    limit: usize,
    page: Page,
    position: Position,
    read_at: Instant,
    ends_at: Option<Timestamp>,
}

impl Front {
    /// Nothing is at hand yet.
    pub fn new(hub: Hub) -> Self {
        Self { hub, kept: Arc::default() }
    }

    /// The page of `limit` posts, if it is at hand and nothing has changed since it was read.
    pub fn page(&self, limit: usize) -> Option<Page> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref()
            .filter(|kept| kept.limit == limit && kept.holds(&self.hub))
            .map(|kept| kept.page.clone())
    }

    /// To be called before a page is read that shall be kept.
    pub fn look(&self) -> Look {
        Look { position: self.hub.position(), at: Instant::now() }
    }

    /// Keeps a page that was read after `look`, the first of whose posts expires at `ends_at`.
    pub fn keep(&self, look: Look, limit: usize, page: &Page, ends_at: Option<Timestamp>) {
        // without the log it wouldn't be noticed when something changes
        let Some(position) = look.position else { return };
        let kept = Kept { limit, page: page.clone(), position, read_at: look.at, ends_at };
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }
}

impl Kept {
    fn holds(&self, hub: &Hub) -> bool {
        self.read_at.elapsed() < MOMENT
            && self.ends_at.is_none_or(|at| Timestamp::now() < at)
            && hub.is_at(&self.position)
    }
}
