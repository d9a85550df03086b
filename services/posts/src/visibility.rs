//! Who may see a post: the one rule, as a function and as the SQL condition that says the same. Whoever changes one
//! changes the other; an integration test compares them over every kind of post and viewer.

use tracklore_platform::{id::UserId, time::Timestamp};

use crate::post::{Post, Visibility};

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

    /// Whether the post exists for this viewer. Follows aren't known to this service yet, so a post for followers is
    /// for its author alone: too few may see it, never too many.
    pub fn sees(&self, post: &Post) -> bool {
        !post.is_expired(self.now)
            && match post.visibility {
                Visibility::Public => true,
                Visibility::Followers => self.user == Some(post.author_id),
            }
    }
}

/// [`Viewer::sees`] for rows of `posts`, with the viewer's id (or null) as `$1` and the moment as `$2`.
macro_rules! seen_by_viewer {
    () => {
        "(expires_at IS NULL OR expires_at > $2) AND (visibility = 'public' OR author_id = $1)"
    };
}
pub(crate) use seen_by_viewer;

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::post::Attributes;

    pub(crate) fn post(author: i64, visibility: Visibility, expires_at: Option<i64>) -> Post {
        Post {
            id: Uuid::now_v7(),
            author_id: author.try_into().unwrap(),
            text: "Hello".to_owned(),
            attributes: Attributes::new(),
            visibility,
            expires_at: expires_at.map(Timestamp::from_unix_millis),
            version: 1,
            created_at: Timestamp::from_unix_millis(0),
            updated_at: Timestamp::from_unix_millis(0),
        }
    }

    fn viewer(user: Option<i64>, now: i64) -> Viewer {
        let user = user.map(|id| id.try_into().unwrap());
        Viewer { user, now: Timestamp::from_unix_millis(now) }
    }

    proptest! {
        #[test]
        fn nobody_sees_an_expired_post_and_everybody_a_public_one_before(
            author in 1_i64..5, user in prop::option::of(1_i64..5), now in 0_i64..10, end in 0_i64..10,
        ) {
            prop_assert_eq!(viewer(user, now).sees(&post(author, Visibility::Public, Some(end))), now < end);
            prop_assert!(viewer(user, now).sees(&post(author, Visibility::Public, None)));
        }

        #[test]
        fn a_post_for_followers_is_seen_by_its_author_alone(
            author in 1_i64..5, user in prop::option::of(1_i64..5),
        ) {
            let post = post(author, Visibility::Followers, None);
            prop_assert_eq!(viewer(user, 0).sees(&post), user == Some(author));
        }
    }
}
