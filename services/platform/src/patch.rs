//! JSON merge patch (RFC 7396) fields: absent leaves, null clears, a value sets.

use serde::{Deserialize, Deserializer};

/// A field of a merge patch. Use with `#[serde(default)]`, so that an absent field is [`Patch::Keep`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Absent: leave as it is.
    #[default]
    Keep,
    /// `null`: clear.
    Clear,
    /// A value: set.
    Set(T),
}

impl<T> Patch<T> {
    /// What the field holds afterwards when it held `current`.
    pub fn apply(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// The value to set, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Whether the field is absent.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::deserialize(deserializer)? {
            None => Self::Clear,
            Some(value) => Self::Set(value),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[serde(default)]
        bio: Patch<String>,
    }

    #[test]
    fn absent_keeps_null_clears_and_a_value_sets() {
        let bio = |json: &str| serde_json::from_str::<Body>(json).unwrap().bio;
        assert_eq!(bio("{}").apply(Some("old".into())), Some("old".to_owned()));
        assert_eq!(bio(r#"{"bio":null}"#).apply(Some("old".into())), None);
        assert_eq!(bio(r#"{"bio":"new"}"#).apply(Some("old".into())), Some("new".to_owned()));
    }
}
