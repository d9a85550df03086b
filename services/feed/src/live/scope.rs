//! What a client listens to, and what a change means there.

use std::{fmt, str::FromStr};

use bytes::Bytes;
use tracklore_platform::id::UserId;

use super::change::{Change, Sight};

/// A list that is listened to, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everybody's public posts.
    Global,
    /// What the caller's home feed shows.
    Home,
    /// A user's public posts.
    User(UserId),
}

/// A list that is listened to, with what decides about it.
#[derive(Clone, Debug)]
pub enum Audience {
    /// Everybody's public posts.
    Global,
    /// The home feed of this reader, who follows these (sorted).
    Home(UserId, Vec<UserId>),
    /// A user's public posts.
    User(UserId),
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// An activity is there.
    Created(Bytes),
    /// An activity is another now.
    Updated(Bytes),
    /// An activity isn't there any more.
    Removed(Bytes),
    /// Read the list anew.
    Reset,
}

/// No such scope.
#[derive(Debug, thiserror::Error)]
#[error("a scope is global, home, or user:{{id}}")]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        match text {
            "global" => Ok(Self::Global),
            "home" => Ok(Self::Home),
            _ => {
                let id = text.strip_prefix("user:").ok_or(UnknownScope)?;
                id.parse().map(Self::User).map_err(|_| UnknownScope)
            }
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => formatter.write_str("global"),
            Self::Home => formatter.write_str("home"),
            Self::User(id) => write!(formatter, "user:{id}"),
        }
    }
}

impl Told {
    /// The event's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "activity.created",
            Self::Updated(_) => "activity.updated",
            Self::Removed(_) => "activity.removed",
            Self::Reset => "reset",
        }
    }

    /// The event's data, as JSON.
    pub fn data(&self) -> Bytes {
        match self {
            Self::Created(data) | Self::Updated(data) | Self::Removed(data) => data.clone(),
            Self::Reset => Bytes::from_static(b"{}"),
        }
    }
}

impl Audience {
    /// What this audience is told of a change; `None` when it is none of its business.
    pub fn told(&self, change: &Change) -> Option<Told> {
        let (id, author, before, after, json) = match change {
            Change::Everything => return Some(Told::Reset),
            Change::Follows(reader) => {
                return matches!(self, Self::Home(me, _) if me == reader).then_some(Told::Reset);
            }
            Change::Post { id, author, before, after, json } => (id, *author, *before, *after, json),
        };
        let sees = match self {
            Self::Global => sees_public as fn(Sight) -> bool,
            Self::User(user) if *user == author => sees_public,
            Self::Home(me, follows) if *me == author || follows.binary_search(&author).is_ok() => sees_any,
            Self::User(_) | Self::Home(..) => return None,
        };
        match (sees(before), sees(after)) {
            (false, false) => None,
            (false, true) => Some(Told::Created(json.clone())),
            (true, true) => Some(Told::Updated(json.clone())),
            (true, false) => Some(Told::Removed(format!(r#"{{"id":"{id}"}}"#).into())),
        }
    }
}

/// What isn't known was perhaps seen: better to change or remove once too often.
fn sees_public(sight: Sight) -> bool {
    matches!(sight, Sight::Public | Sight::Unknown)
}

fn sees_any(sight: Sight) -> bool {
    sight != Sight::Nobody
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: i64) -> UserId {
        id.try_into().unwrap()
    }

    fn told(audience: &Audience, before: Sight, after: Sight) -> &'static str {
        let change =
            Change::Post { id: uuid::Uuid::nil(), author: user(7), before, after, json: Bytes::new() };
        audience.told(&change).map_or("-", |told| told.name())
    }

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for text in ["global", "home", "user:7"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for text in ["", "Global", "user:", "user:x", "user:07", "users:7"] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_public_sees_public_posts_come_change_and_go() {
        use Sight::{Followers, Nobody, Public, Unknown};
        for (before, after, event) in [
            (Nobody, Public, "activity.created"),
            (Followers, Public, "activity.created"),
            (Public, Public, "activity.updated"),
            (Unknown, Public, "activity.updated"),
            (Public, Followers, "activity.removed"),
            (Public, Nobody, "activity.removed"),
            (Nobody, Followers, "-"),
            (Followers, Followers, "-"),
            (Followers, Nobody, "-"),
        ] {
            for audience in [Audience::Global, Audience::User(user(7))] {
                assert_eq!(told(&audience, before, after), event, "{before:?} {after:?}");
            }
            assert_eq!(told(&Audience::User(user(8)), before, after), "-");
        }
    }

    #[test]
    fn followers_and_the_author_see_every_post_and_others_none() {
        use Sight::{Followers, Nobody, Public};
        for (before, after, event) in [
            (Nobody, Followers, "activity.created"),
            (Followers, Public, "activity.updated"),
            (Public, Followers, "activity.updated"),
            (Followers, Nobody, "activity.removed"),
        ] {
            for home in [Audience::Home(user(7), vec![]), Audience::Home(user(1), vec![user(3), user(7)])] {
                assert_eq!(told(&home, before, after), event);
            }
            assert_eq!(told(&Audience::Home(user(1), vec![user(3)]), before, after), "-");
        }
    }

    #[test]
    fn a_home_feed_starts_anew_when_its_reader_follows_others() {
        let change = Change::Follows(user(1));
        assert_eq!(Audience::Home(user(1), vec![]).told(&change), Some(Told::Reset));
        assert_eq!(Audience::Home(user(2), vec![]).told(&change), None);
        assert_eq!(Audience::Global.told(&change), None);
        assert_eq!(Audience::Global.told(&Change::Everything), Some(Told::Reset));
    }
}
