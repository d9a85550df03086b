//! Badges: what people can be honoured with.

use serde::{Deserialize, Serialize};
use tracklore_platform::{
    etag::ETag,
    patch::Patch,
    problem::Problem,
    validate::{Violations, length_within},
};
use utoipa::ToSchema;

use super::{
    avatar_url::is_avatar_url,
    text::{is_one_line, is_prose},
};

const MAX_SLUG: usize = 50;
const MAX_NAME: usize = 100;
const MAX_DESCRIPTION: usize = 1_000;
const MAX_URL: usize = 2_000;

/// A badge of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Badge {
    /// What the badge is called in addresses; never changes.
    #[schema(examples("first-steps"))]
    pub slug: String,
    /// What it is called.
    #[schema(examples("First steps"))]
    pub name: String,
    /// What it is given for.
    pub description: Option<String>,
    /// Its picture.
    #[schema(examples("https://img.example.org/first-steps.png"))]
    pub icon_url: Option<String>,
    /// Counts the changes from 1.
    #[serde(skip)]
    pub version: i64,
}

/// A new badge.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BadgeDraft {
    /// 1–50 lower-case letters, digits and single hyphens between them.
    #[schema(min_length = 1, max_length = 50, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", examples("first-steps"))]
    pub slug: String,
    /// What it is called, one line.
    #[schema(min_length = 1, max_length = 100, examples("First steps"))]
    pub name: String,
    /// What it is given for.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub description: Option<String>,
    /// `https://`, a host name (no IP address, port or credentials) and a path.
    #[serde(default)]
    #[schema(max_length = 2000, pattern = "^https://")]
    pub icon_url: Option<String>,
}

/// A merge patch of a badge: absent fields stay, null clears.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BadgePatch {
    /// What it is called; can't be cleared.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, nullable = false)]
    pub name: Patch<String>,
    /// What it is given for.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1000)]
    pub description: Patch<String>,
    /// Its picture.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^https://")]
    pub icon_url: Patch<String>,
}

impl Badge {
    /// The tag of this version.
    pub fn etag(&self) -> ETag {
        ETag::of_version(self.version)
    }
}

impl BadgeDraft {
    /// 422 with everything that is against the rules.
    pub fn validate(&self) -> Result<(), Problem> {
        let mut violations = Violations::default();
        let detail =
            format!("must be 1 to {MAX_SLUG} lower-case letters, digits and single hyphens between them");
        violations.require(is_slug(&self.slug), "/slug", detail);
        check(Some(&self.name), self.description.as_ref(), self.icon_url.as_ref(), &mut violations);
        violations.finish()
    }

    /// The badge; `version` follows on that of a removed badge with this slug.
    pub fn into_badge(self, version: i64) -> Badge {
        let Self { slug, name, description, icon_url } = self;
        Badge { slug, name, description, icon_url, version }
    }
}

impl BadgePatch {
    /// The badge after this patch; `None` when it stays as it is, 422 with everything that is against the rules.
    pub fn apply(self, current: &Badge) -> Result<Option<Badge>, Problem> {
        let mut violations = Violations::default();
        violations.require(self.name != Patch::Clear, "/name", "can't be cleared");
        check(self.name.value(), self.description.value(), self.icon_url.value(), &mut violations);
        violations.finish()?;
        let mut changed = current.clone();
        if let Patch::Set(name) = self.name {
            changed.name = name;
        }
        changed.description = self.description.apply(changed.description);
        changed.icon_url = self.icon_url.apply(changed.icon_url);
        if changed == *current {
            return Ok(None);
        }
        changed.version += 1;
        Ok(Some(changed))
    }
}

/// Whether a badge could be called so.
pub fn is_slug(text: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    text.len() <= MAX_SLUG && text.split('-').all(is_part)
}

fn check(
    name: Option<&String>,
    description: Option<&String>,
    icon_url: Option<&String>,
    violations: &mut Violations,
) {
    if let Some(name) = name {
        let detail = format!("must have 1 to {MAX_NAME} characters");
        violations.require(length_within(name, 1, MAX_NAME) && !name.trim().is_empty(), "/name", detail);
        let detail = "must be one line without control or text direction characters";
        violations.require(is_one_line(name), "/name", detail);
    }
    if let Some(text) = description {
        let detail = format!("must have at most {MAX_DESCRIPTION} characters");
        violations.require(length_within(text, 0, MAX_DESCRIPTION), "/description", detail);
        let detail = "must have no control characters except line breaks and tabs";
        violations.require(is_prose(text), "/description", detail);
    }
    if let Some(url) = icon_url {
        let detail = format!("must have at most {MAX_URL} characters");
        violations.require(length_within(url, 0, MAX_URL), "/icon_url", detail);
        let detail = "must be an https address with a host name, without port and credentials";
        violations.require(is_avatar_url(url), "/icon_url", detail);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pointers(refused: Result<(), Problem>) -> Vec<String> {
        refused.unwrap_err().body("r").errors.into_iter().map(|error| error.pointer).collect()
    }

    fn badge() -> Badge {
        let draft: BadgeDraft =
            serde_json::from_value(json!({"slug": "first-steps", "name": "First"})).unwrap();
        draft.into_badge(1)
    }

    fn patch(body: Value) -> Result<Option<Badge>, Problem> {
        serde_json::from_value::<BadgePatch>(body).unwrap().apply(&badge())
    }

    #[test]
    fn slugs_are_words_with_single_hyphens() {
        for good in ["a", "first-steps", "2027", "a-1-b", &"a".repeat(50)] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["", "-", "a-", "-a", "a--b", "A", "ä", "a_b", "a/b", "a b", &"a".repeat(51)] {
            assert!(!is_slug(bad), "{bad}");
        }
    }

    #[test]
    fn all_violations_are_told_at_once() {
        let bad = json!({"slug": "-", "name": "", "description": "\0", "icon_url": "http://example.org/"});
        let draft: BadgeDraft = serde_json::from_value(bad).unwrap();
        assert_eq!(pointers(draft.validate()), ["/slug", "/name", "/description", "/icon_url"]);
        let bad = json!({"name": null, "icon_url": "https://127.0.0.1/"});
        assert_eq!(pointers(patch(bad).map(drop)), ["/name", "/icon_url"]);
    }

    #[test]
    fn a_patch_changes_what_it_names_and_the_same_changes_nothing() {
        let changed = patch(json!({"description": "For the start"})).unwrap().unwrap();
        assert_eq!((changed.description.as_deref(), changed.version), (Some("For the start"), 2));
        assert_eq!(patch(json!({"name": "First", "icon_url": null})).unwrap(), None);
    }
}
