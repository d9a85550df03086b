//! A post that a client wants to create or change: checked in full, so that all violations are told at once.

use serde::{Deserialize, Serialize};
use tracklore_platform::{
    id::UserId,
    patch::Patch,
    problem::Problem,
    time::Timestamp,
    validate::{Violations, length_within},
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    attributes,
    post::{Attributes, AttributesText, Post, UnknownVisibility, Visibility},
};

/// Characters of a post.
const MAX_TEXT: usize = 5000;

/// A new post.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// 1 to 5,000 characters.
    #[schema(min_length = 1, max_length = 5000, examples("Hello, world"))]
    pub text: String,
    /// Free-form attributes: at most 16 KiB, 32 keys, and 4 objects or arrays within one another.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Attributes>,
    /// When the post shall end by itself; in the future.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Who may see it; everybody if left out.
    #[serde(default)]
    #[schema(value_type = Option<Visibility>)]
    pub visibility: Option<String>,
}

/// A change of a post (JSON merge patch): what is left out stays, null clears.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The new text; can't be cleared.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 5000, nullable = false)]
    pub text: Patch<String>,
    /// Merged into the present attributes key by key, at every level; null clears a key, or all of them.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub attributes: Patch<Attributes>,
    /// The new end; null is never.
    #[serde(default)]
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Patch<Timestamp>,
    /// Who may see it; can't be cleared.
    #[serde(default)]
    #[schema(value_type = Option<Visibility>, nullable = false)]
    pub visibility: Patch<String>,
}

impl Draft {
    /// The post of `author` out of this draft; 422 with everything that is against the rules.
    pub fn into_post(self, author: UserId, now: Timestamp) -> Result<Post, Problem> {
        let mut violations = Violations::default();
        let attributes = self.attributes.unwrap_or_default();
        check_text(&self.text, &mut violations);
        attributes::check(&attributes, &mut violations);
        check_end(self.expires_at, now, &mut violations);
        let visibility = self.visibility.as_deref().and_then(|name| known(name, &mut violations));
        violations.finish()?;
        Ok(Post {
            id: Uuid::now_v7(),
            author_id: author,
            text: self.text,
            attributes: AttributesText::from(&attributes),
            visibility: visibility.unwrap_or_default(),
            expires_at: self.expires_at,
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }
}

impl Change {
    /// The post after this change, one version on; the same post when nothing changes.
    pub fn apply(self, post: &Post, now: Timestamp) -> Result<Post, Problem> {
        let mut violations = Violations::default();
        for (pointer, cleared) in
            [("/text", self.text == Patch::Clear), ("/visibility", self.visibility == Patch::Clear)]
        {
            violations.require(!cleared, pointer, "can't be cleared");
        }
        let mut attributes = post.attributes.object();
        match self.attributes {
            Patch::Keep => {}
            Patch::Clear => attributes.clear(),
            Patch::Set(patch) => {
                attributes::merge(&mut attributes, patch);
                attributes::check(&attributes, &mut violations);
            }
        }
        if let Some(text) = self.text.value() {
            check_text(text, &mut violations);
        }
        check_end(self.expires_at.value().copied(), now, &mut violations);
        let visibility = self.visibility.value().and_then(|name| known(name, &mut violations));
        violations.finish()?;

        let changed = Post {
            text: self.text.apply(Some(post.text.clone())).unwrap_or_default(),
            attributes: AttributesText::from(&attributes),
            visibility: visibility.unwrap_or(post.visibility),
            expires_at: self.expires_at.apply(post.expires_at),
            ..post.clone()
        };
        if changed == *post {
            return Ok(post.clone());
        }
        // a clock that was set back must not make a post older than itself
        Ok(Post { version: post.version + 1, updated_at: now.max(post.updated_at), ..changed })
    }
}

fn known(visibility: &str, violations: &mut Violations) -> Option<Visibility> {
    let parsed = visibility.parse();
    violations.require(parsed.is_ok(), "/visibility", UnknownVisibility.to_string());
    parsed.ok()
}

fn check_text(text: &str, violations: &mut Violations) {
    violations.require(length_within(text, 1, MAX_TEXT), "/text", format!("1 to {MAX_TEXT} characters"));
    violations.require(!text.contains('\0'), "/text", "the character U+0000 can't be stored");
}

fn check_end(expires_at: Option<Timestamp>, now: Timestamp, violations: &mut Violations) {
    violations.require(expires_at.is_none_or(|end| end > now), "/expires_at", "must be in the future");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::post::tests::post;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    fn create(body: Value) -> Result<Post, Problem> {
        serde_json::from_value::<Draft>(body).unwrap().into_post(1.try_into().unwrap(), at(1000))
    }

    fn change(body: Value, post: &Post) -> Result<Post, Problem> {
        serde_json::from_value::<Change>(body).unwrap().apply(post, at(1000))
    }

    fn text_of(attributes: Value) -> AttributesText {
        AttributesText::from(&serde_json::from_value(attributes).unwrap())
    }

    fn pointers(refused: Result<Post, Problem>) -> Vec<String> {
        refused.unwrap_err().body("r").errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_draft_of_text_alone_is_public_and_endless() {
        let post = create(json!({"text": "Hello"})).unwrap();
        assert_eq!((post.visibility, post.expires_at, post.version), (Visibility::Public, None, 1));
        assert_eq!(post.id.get_version_num(), 7);
    }

    #[test]
    fn all_violations_of_a_draft_are_told_at_once() {
        let refused = create(json!({
            "text": "", "attributes": {"a": [[[[1]]]]}, "expires_at": "1970-01-01T00:00:01Z",
            "visibility": "friends"
        }));
        assert_eq!(pointers(refused), ["/text", "/attributes", "/expires_at", "/visibility"]);
    }

    #[test]
    fn text_is_counted_in_characters() {
        assert!(create(json!({"text": "é".repeat(5000)})).is_ok());
        assert_eq!(pointers(create(json!({"text": "é".repeat(5001)}))), ["/text"]);
    }

    #[test]
    fn text_and_visibility_cannot_be_cleared_but_end_and_attributes_can() {
        let mut before = post(1, Visibility::Followers, Some(5000));
        before.attributes = text_of(json!({"a": 1}));
        assert_eq!(
            pointers(change(json!({"text": null, "visibility": null}), &before)),
            ["/text", "/visibility"]
        );
        let after = change(json!({"expires_at": null, "attributes": null}), &before).unwrap();
        assert!(after.expires_at.is_none() && after.attributes.object().is_empty());
        assert_eq!((after.visibility, after.version), (Visibility::Followers, 2));
    }

    #[test]
    fn limits_hold_for_the_merged_attributes() {
        let mut before = post(1, Visibility::Public, None);
        before.attributes = AttributesText::from(&(0..32).map(|n| (n.to_string(), json!(n))).collect());
        assert_eq!(pointers(change(json!({"attributes": {"more": 1}}), &before)), ["/attributes"]);
        assert!(change(json!({"attributes": {"more": 1, "0": null}}), &before).is_ok());
    }

    #[test]
    fn a_change_of_nothing_is_no_new_version() {
        let before = post(1, Visibility::Public, None);
        for nothing in [json!({}), json!({"text": "Hello"}), json!({"attributes": {"a": null}})] {
            assert_eq!(change(nothing, &before).unwrap(), before);
        }
    }

    #[test]
    fn the_clock_going_back_does_not_make_a_post_older() {
        let before = Post { updated_at: at(9000), ..post(1, Visibility::Public, None) };
        assert_eq!(change(json!({"text": "New"}), &before).unwrap().updated_at, at(9000));
    }

    proptest! {
        #[test]
        fn what_a_change_leaves_out_stays(text in "\\PC{1,20}", end in prop::option::of(1001_i64..9999)) {
            let before = post(1, Visibility::Followers, end);
            let after = change(json!({"text": text}), &before).unwrap();
            let expected = if text == before.text { before.version } else { before.version + 1 };
            prop_assert_eq!(after.version, expected);
            let others = Post { text: before.text.clone(), version: 1, updated_at: before.updated_at, ..after };
            prop_assert_eq!(others, before);
        }
    }
}
