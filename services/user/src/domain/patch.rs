//! A change of one's own profile: what may be written, and what comes of it.

use serde::Deserialize;
use tracklore_platform::{
    patch::Patch,
    problem::Problem,
    time::Timestamp,
    validate::{Violations, length_within},
};
use utoipa::ToSchema;

use super::{
    avatar_url::is_avatar_url,
    profile::{FollowPolicy, Profile},
    text::{is_one_line, is_prose},
};

const MAX_LINE: usize = 100;
const MAX_BIO: usize = 5_000;
const MAX_URL: usize = 2_000;

/// A merge patch of one's own profile: absent fields stay, null clears.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfilePatch {
    /// The name to show, one line.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    pub display_name: Patch<String>,
    /// What the user says of themselves; line breaks are kept.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 5000)]
    pub bio: Patch<String>,
    /// `https://`, a host name (no IP address, port or credentials) and a path.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^https://")]
    pub avatar_url: Patch<String>,
    /// Where the user is, one line.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    pub location: Patch<String>,
    /// Who may follow; null is `open`.
    #[serde(default)]
    #[schema(value_type = Option<FollowPolicy>)]
    pub follow_policy: Patch<String>,
}

impl ProfilePatch {
    /// 422 with everything that is against the rules.
    pub fn validate(&self) -> Result<(), Problem> {
        let mut violations = Violations::default();
        for (pointer, field) in [("/display_name", &self.display_name), ("/location", &self.location)] {
            if let Some(text) = field.value() {
                violations.require(length_within(text, 0, MAX_LINE), pointer, at_most(MAX_LINE));
                let detail = "must be one line without control or text direction characters";
                violations.require(is_one_line(text), pointer, detail);
            }
        }
        if let Some(text) = self.bio.value() {
            violations.require(length_within(text, 0, MAX_BIO), "/bio", at_most(MAX_BIO));
            violations.require(
                is_prose(text),
                "/bio",
                "must have no control characters except line breaks and tabs",
            );
        }
        if let Some(text) = self.avatar_url.value() {
            violations.require(length_within(text, 0, MAX_URL), "/avatar_url", at_most(MAX_URL));
            let detail = "must be an https address with a host name, without port and credentials";
            violations.require(is_avatar_url(text), "/avatar_url", detail);
        }
        if let Some(text) = self.follow_policy.value() {
            violations.require(follow_policy(text).is_some(), "/follow_policy", "must be open or approval");
        }
        violations.finish()
    }

    /// The profile after this (valid) patch at `now`; `None` when it stays as it is.
    pub fn apply(self, current: &Profile, now: Timestamp) -> Option<Profile> {
        let mut changed = current.clone();
        changed.display_name = self.display_name.apply(changed.display_name);
        changed.bio = self.bio.apply(changed.bio);
        changed.avatar_url = self.avatar_url.apply(changed.avatar_url);
        changed.location = self.location.apply(changed.location);
        changed.follow_policy = match &self.follow_policy {
            Patch::Keep => changed.follow_policy,
            Patch::Clear => FollowPolicy::Open,
            Patch::Set(text) => follow_policy(text).unwrap_or(changed.follow_policy),
        };
        if changed == *current {
            return None;
        }
        changed.version += 1;
        // clocks of two replicas may differ; what changed later never looks older
        changed.updated_at = now.max(current.updated_at);
        Some(changed)
    }
}

fn at_most(characters: usize) -> String {
    format!("must have at most {characters} characters")
}

fn follow_policy(text: &str) -> Option<FollowPolicy> {
    match text {
        "open" => Some(FollowPolicy::Open),
        "approval" => Some(FollowPolicy::Approval),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{super::profile::fixtures::ada, *};

    fn patch(json: Value) -> ProfilePatch {
        serde_json::from_value(json).unwrap()
    }

    fn pointers(json: Value) -> Vec<String> {
        let Err(problem) = patch(json).validate() else { return Vec::new() };
        assert_eq!(problem.status(), 422);
        problem.body("r").errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn all_violations_are_told_at_once() {
        let bad = json!({
            "display_name": "x".repeat(101), "bio": "x".repeat(5001), "avatar_url": "http://example.org",
            "location": "a\nb", "follow_policy": "closed"
        });
        assert_eq!(pointers(bad), ["/display_name", "/location", "/bio", "/avatar_url", "/follow_policy"]);
    }

    #[test]
    fn limits_count_characters_and_include_their_end() {
        let full = json!({
            "display_name": "ß".repeat(100), "location": "👋".repeat(100), "bio": "é".repeat(5000),
            "avatar_url": format!("https://example.org/{}", "a".repeat(1980))
        });
        assert_eq!(pointers(full), [""; 0]);
        assert_eq!(
            pointers(json!({"avatar_url": format!("https://example.org/{}", "a".repeat(1981))})),
            ["/avatar_url"]
        );
    }

    #[test]
    fn null_clears_absent_stays_and_a_value_is_set() {
        let now = Timestamp::from_unix_millis(1_900_000_000_000);
        let before = Profile { bio: Some("old".to_owned()), location: Some("London".to_owned()), ..ada() };
        let after = patch(json!({"bio": null, "display_name": "Ada"})).apply(&before, now).unwrap();
        assert_eq!(
            after,
            Profile {
                bio: None,
                display_name: Some("Ada".to_owned()),
                version: 1,
                updated_at: now,
                ..before
            }
        );
    }

    #[test]
    fn clearing_the_follow_policy_opens_it() {
        let before = Profile { follow_policy: FollowPolicy::Approval, ..ada() };
        let after = patch(json!({"follow_policy": null})).apply(&before, before.updated_at).unwrap();
        assert_eq!(after.follow_policy, FollowPolicy::Open);
    }

    #[test]
    fn unknown_and_read_only_fields_and_wrong_types_are_malformed() {
        for bad in
            [json!({"id": 1}), json!({"username": "x"}), json!({"bio": 1}), json!({"followers_count": 9})]
        {
            assert!(serde_json::from_value::<ProfilePatch>(bad.clone()).is_err(), "{bad}");
        }
    }

    prop_compose! {
        fn any_patch()(
            display_name in field(), bio in field(), avatar_url in field(), location in field(), follow_policy in field(),
        ) -> ProfilePatch {
            ProfilePatch { display_name, bio, avatar_url, location, follow_policy }
        }
    }

    fn field() -> impl Strategy<Value = Patch<String>> {
        prop_oneof![
            Just(Patch::Keep),
            Just(Patch::Clear),
            any::<String>().prop_map(Patch::Set),
            Just(Patch::Set("approval".to_owned())),
        ]
    }

    proptest! {
        #[test]
        fn a_patch_applied_twice_changes_nothing_the_second_time(patch in any_patch()) {
            let now = Timestamp::from_unix_millis(1_900_000_000_000);
            if let Some(once) = patch.clone().apply(&ada(), now) {
                prop_assert_eq!(once.version, 1);
                prop_assert_eq!(patch.apply(&once, now), None);
            }
        }

        #[test]
        fn what_validates_can_be_stored_and_shown(patch in any_patch()) {
            if patch.validate().is_ok() {
                for text in [&patch.display_name, &patch.location, &patch.bio].into_iter().filter_map(Patch::value) {
                    prop_assert!(!text.contains('\0'));
                    prop_assert!(text.chars().count() <= 5000);
                }
            }
        }
    }
}
