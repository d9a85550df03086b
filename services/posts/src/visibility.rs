//! Who may see a post: one rule, which every statement that reads posts for somebody has as its condition.
//!
//! A post that has expired exists for nobody. A public one is for everybody; one for followers is for its author and
//! for those who follow the author *now*: whoever is unfollowed, removed or blocked loses it, with all its revisions.
//! A suspended author's posts stay where they are: suspension ends sessions and can be taken back, and what has to go
//! is deleted by a moderator. A deleted author's posts are removed ([`crate::sweeper`]).

use tracklore_platform::{id::UserId, time::Timestamp};

/// Who looks, and when.
#[derive(Clone, Copy, Debug)]
pub struct Viewer {
    /// The user, or nobody in particular.
    pub user: Option<UserId>,
    /// The moment of the request.
    pub now: Timestamp,
}

impl Viewer {
    /// `user` now.
    pub fn now(user: Option<UserId>) -> Self {
        Self { user, now: Timestamp::now() }
    }
}

/// The rule for rows of `posts`, with the viewer's id (or null) as `$1` and the moment as `$2`.
macro_rules! seen_by_viewer {
    () => {
        "((expires_at IS NULL OR expires_at > $2) AND (visibility = 'public' OR author_id = $1 OR EXISTS (\
         SELECT FROM follows WHERE follower_id = $1 AND followee_id = author_id AND following)))"
    };
}
pub(crate) use seen_by_viewer;
