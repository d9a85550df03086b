//! Names and lengths of what is kept in Redis. The lists are longer than what is shown of them, so that the next older
//! post is at hand when one goes.

use tracklore_platform::id::UserId;
use uuid::Uuid;

/// The list of everybody's posts.
pub const GLOBAL: &str = "feed:activity:global";
/// What the global list has dropped.
pub const GLOBAL_FLOOR: &str = "feed:floor:global";
/// How much of the global list is shown.
pub const SHOW_GLOBAL: usize = 1_000;
/// How much of a user's list is shown.
pub const SHOW_USER: usize = 100;

/// How many posts the lists keep.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The global list.
    pub keep_global: usize,
    /// Each user's list.
    pub keep_user: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { keep_global: 2 * SHOW_GLOBAL, keep_user: 2 * SHOW_USER }
    }
}

/// The list of a user's posts.
pub fn user(id: UserId) -> String {
    format!("feed:activity:user:{id}")
}

/// What a user's list has dropped.
pub fn floor_of_user(id: UserId) -> String {
    format!("feed:floor:user:{id}")
}

/// A post.
pub fn post(id: Uuid) -> String {
    format!("feed:post:{id}")
}

/// A user as shown beside a post.
pub fn actor(id: UserId) -> String {
    format!("feed:actor:{id}")
}
