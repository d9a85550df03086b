//! A page of a list: one call into Redis, and its JSON goes to the client as it is stored.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use redis::{RedisResult, from_redis_value};
use tracklore_platform::{etag::ETag, time::Timestamp};
use uuid::Uuid;

use crate::{library, lists::List, redis::Redis};

const X_FEED_STATE: HeaderName = HeaderName::from_static("x-feed-state");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Holds the base of the generation that is read.
pub const GENERATION: &str = "feed:generation";
/// The base of the first generation.
pub const FIRST: &str = "feed:";

/// The sort key of an activity: `created_at` in milliseconds, and the post.
pub type Key = (i64, Uuid);

/// Some activities of a list.
#[derive(Debug)]
pub struct Rows {
    /// As JSON, with commas between.
    pub items: Vec<u8>,
    /// The key of the last one, when there are more after it.
    pub next: Option<Key>,
    /// Posts may be missing that the posts service has.
    pub is_short: bool,
    /// It should be said that the list is still needed.
    pub touch: bool,
    /// When the first of these posts expires.
    pub ends_at: Option<Timestamp>,
}

/// A page as it goes to clients.
#[derive(Clone, Debug)]
pub struct Page {
    body: Bytes,
    tag: ETag,
}

/// The base of the generation that is read.
pub async fn generation(redis: &Redis) -> RedisResult<String> {
    let base: Option<String> = from_redis_value(redis.send(redis::cmd("GET").arg(GENERATION)).await?)?;
    Ok(base.unwrap_or_else(|| FIRST.to_owned()))
}

/// The arguments that say where a page starts.
pub(crate) fn start(after: Option<Key>) -> [String; 2] {
    after.map_or_else(Default::default, |(score, id)| [score.to_string(), id.to_string()])
}

/// The key of the last one, when there are more.
pub(crate) fn next(score: &str, id: &str, more: u8) -> Option<Key> {
    if more == 1 { Some((score.parse().ok()?, id.parse().ok()?)) } else { None }
}

/// Reads `limit` activities after `after`, of the `shown` newest, without those that have expired at `now`.
pub async fn read(
    redis: &Redis,
    list: List,
    shown: usize,
    limit: usize,
    after: Option<Key>,
    now: Timestamp,
) -> RedisResult<Rows> {
    let [score, id] = start(after);
    let numbers = [shown, limit].map(|number| number.to_string());
    let (author, now) = (list.author(), now.unix_millis().to_string());
    let args = [list.kind(), &author, &numbers[0], &numbers[1], &now, &score, &id].map(str::as_bytes);
    let (items, score, id, more, short, touch, ends_at): (Vec<u8>, String, String, u8, u8, u8, String) =
        library::read(redis, "page", &[GENERATION], &args).await?;
    Ok(Rows {
        items,
        next: next(&score, &id, more),
        is_short: short == 1,
        touch: touch == 1,
        ends_at: ends_at.parse().ok().map(Timestamp::from_unix_millis),
    })
}

impl Page {
    /// The page of these activities, as JSON with commas between.
    pub fn new(items: &[u8], next_cursor: Option<&str>) -> Self {
        let body = body(items, next_cursor);
        let tag = ETag::of_bytes(&body);
        Self { body: body.into(), tag }
    }

    /// Answers it, or 304 when the client has it.
    pub fn answer(&self, request: &HeaderMap, catching_up: bool) -> Response {
        let mut response = if self.tag.is_known_to(request) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, JSON)], self.body.clone()).into_response()
        };
        response.headers_mut().insert(header::ETAG, self.tag.header());
        if catching_up {
            response.headers_mut().insert(X_FEED_STATE, HeaderValue::from_static("catching-up"));
        }
        response
    }
}

fn body(items: &[u8], next_cursor: Option<&str>) -> Vec<u8> {
    const PARTS: [&[u8]; 3] = [b"{\"items\":[", b"],\"next_cursor\":", b"}"];
    let [start, middle, end] = PARTS;
    // a cursor is letters and digits of base64, nothing to escape
    let cursor = next_cursor.map_or_else(|| "null".to_owned(), |cursor| format!("\"{cursor}\""));
    [start, items, middle, cursor.as_bytes(), end].concat()
}

#[cfg(test)]
mod tests {
    use tracklore_platform::{cursor, page::PageQuery};

    use super::*;

    #[test]
    fn a_body_is_the_items_as_they_are_and_the_cursor() {
        assert_eq!(body(b"", None), br#"{"items":[],"next_cursor":null}"#);
        let key: Key = (1_763_629_800_123, "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap());
        let cursor = cursor::encode("l", &key);
        let body = body(br#"{"id":1},{"id":2}"#, Some(&cursor));
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["items"][1]["id"], 2);
        let query = PageQuery { limit: None, cursor: json["next_cursor"].as_str().map(str::to_owned) };
        assert_eq!(query.after("l").unwrap(), Some(key));
    }
}
