//! Entity tags and preconditions (RFC 9110 §8.8.3, §13): `If-None-Match` gives 304, `If-Match` guards a change.

use axum::response::{IntoResponse, Response};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use blake2::{Blake2b128, Digest};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::problem::Problem;

/// A strong entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag of a resource that counts its versions.
    pub fn of_version(version: i64) -> Self {
        Self(format!("\"v{version}\""))
    }

    /// The tag of exactly these bytes: `BLAKE2b` (RFC 7693), which is fast on every processor.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(format!("\"{}\"", URL_SAFE_NO_PAD.encode(Blake2b128::digest(bytes))))
    }

    /// The tag of exactly these bytes, of a resource that counts its versions but whose representation also holds what
    /// changes without one (numbers of others). See [`Self::check_version_if_match`].
    pub fn of_version_and_bytes(version: i64, bytes: &[u8]) -> Self {
        Self(format!("\"v{version}.{}\"", URL_SAFE_NO_PAD.encode(Blake2b128::digest(bytes))))
    }

    /// The header's value.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }

    /// 412 when the request has an `If-Match` that names neither this version nor `*`.
    pub fn check_if_match(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match listed(headers, &header::IF_MATCH) {
            None => Ok(()),
            // If-Match compares strongly: a weak tag never matches (RFC 9110 §13.1.1)
            Some(tags) if tags.iter().any(|tag| *tag == "*" || *tag == self.0) => Ok(()),
            Some(_) => Err(Problem::precondition_failed()),
        }
    }

    /// [`Self::check_if_match`], for a change of what the version counts: tags of this version with other numbers pass.
    pub fn check_version_if_match(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let version = |tag: &str| tag.split_once('.').map(|(version, _)| version.to_owned());
        let same = |tag: &&str| *tag == "*" || *tag == self.0 || version(tag) == version(&self.0);
        match listed(headers, &header::IF_MATCH) {
            Some(tags) if !tags.iter().any(same) => Err(Problem::precondition_failed()),
            _ => Ok(()),
        }
    }

    /// Whether the client has this version already (`If-None-Match`, compared weakly).
    pub fn is_known_to(&self, headers: &HeaderMap) -> bool {
        listed(headers, &header::IF_NONE_MATCH).is_some_and(|tags| {
            tags.iter().any(|tag| *tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.0)
        })
    }
}

/// Answers a resource with its tag, or 304 when the client has it already.
pub fn respond<T: Serialize>(request: &HeaderMap, tag: &ETag, body: &T) -> Response {
    if tag.is_known_to(request) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag.header())]).into_response();
    }
    ([(header::ETAG, tag.header())], axum::Json(body)).into_response()
}

fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Vec<&'a str>> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    Some(values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(',')).map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn if_match_is_optional_and_compares_strongly() {
        let tag = ETag::of_version(3);
        assert!(tag.check_if_match(&HeaderMap::new()).is_ok());
        for (value, passes) in
            [("\"v3\"", true), ("*", true), ("\"v2\", \"v3\"", true), ("\"v2\"", false), ("W/\"v3\"", false)]
        {
            assert_eq!(tag.check_if_match(&headers(header::IF_MATCH, value)).is_ok(), passes, "{value}");
        }
    }

    #[test]
    fn a_change_may_be_guarded_by_the_version_alone() {
        let tag = ETag::of_version_and_bytes(3, b"one follower");
        let later = ETag::of_version_and_bytes(3, b"two followers");
        assert_ne!(tag, later);
        let seen = HeaderMap::from_iter([(header::IF_MATCH, tag.header())]);
        assert!(later.check_if_match(&seen).is_err());
        assert!(later.check_version_if_match(&seen).is_ok());
        assert!(ETag::of_version_and_bytes(4, b"one follower").check_version_if_match(&seen).is_err());
        for (value, passes) in [("*", true), ("W/\"v3.x\"", false), ("\"v33.x\"", false), ("v3", false)] {
            let seen = headers(header::IF_MATCH, value);
            assert_eq!(tag.check_version_if_match(&seen).is_ok(), passes, "{value}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let tag = ETag::of_version(3);
        assert!(tag.is_known_to(&headers(header::IF_NONE_MATCH, "W/\"v3\"")));
        assert!(!tag.is_known_to(&headers(header::IF_NONE_MATCH, "\"v4\"")));
        assert!(!tag.is_known_to(&HeaderMap::new()));
    }
}
