//! The lists and how long they are. They keep more than is shown of them, so that the next older post is at hand when
//! one goes.

use tracklore_platform::id::UserId;

/// How much of the global list is shown.
pub const SHOW_GLOBAL: usize = 1_000;
/// How much of a user's list is shown.
pub const SHOW_USER: usize = 100;
/// How much of a home feed is shown; of each followed user, as much as of a user's list.
pub const SHOW_HOME: usize = 1_000;

/// A list of posts, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum List {
    /// Everybody's public posts.
    Global,
    /// A user's public posts.
    User(UserId),
    /// What a user's followers may see.
    Circle(UserId),
}

impl List {
    /// What Redis calls this kind.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::User(_) => "user",
            Self::Circle(_) => "circle",
        }
    }

    /// Whose list; empty for everybody's.
    pub fn author(self) -> String {
        match self {
            Self::Global => String::new(),
            Self::User(id) | Self::Circle(id) => id.to_string(),
        }
    }

    /// A name, to bind cursors to.
    pub fn name(self) -> String {
        match self {
            Self::Global => self.kind().to_owned(),
            Self::User(id) | Self::Circle(id) => format!("{}:{id}", self.kind()),
        }
    }
}

/// How many posts the lists show and keep.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How much of the global list is shown.
    pub show_global: usize,
    /// How much of a user's lists is shown.
    pub show_user: usize,
    /// How much of the global list is kept.
    pub keep_global: usize,
    /// How much of a user's lists is kept.
    pub keep_user: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let (show_global, show_user) = (SHOW_GLOBAL, SHOW_USER);
        Self { show_global, show_user, keep_global: 2 * show_global, keep_user: 2 * show_user }
    }
}

impl Limits {
    /// How much of `list` is shown.
    pub fn shown(&self, list: List) -> usize {
        match list {
            List::Global => self.show_global,
            List::User(_) | List::Circle(_) => self.show_user,
        }
    }
}
