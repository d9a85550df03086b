//! A page of a list: one call into Redis, and its JSON goes to the client as it is stored.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use redis::RedisResult;
use tracklore_platform::{cursor, etag::ETag, page::PageQuery, time::Timestamp};
use uuid::Uuid;

use crate::{error::Error, library, redis::Redis, state::AppState};

const X_FEED_STATE: HeaderName = HeaderName::from_static("x-feed-state");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A list that is read.
pub struct List<'a> {
    /// Its key in Redis, which also binds cursors to it.
    pub key: &'a str,
    /// How many of the newest are shown.
    pub show: usize,
}

/// The sort key of an activity: `created_at` in milliseconds, and the post.
pub type Key = (i64, Uuid);

/// Some activities of a list.
pub struct Rows {
    /// As JSON, with commas between.
    pub items: Vec<u8>,
    /// The key of the last one, when there are more after it.
    pub next: Option<Key>,
}

/// Reads `limit` activities after `after`, without those that have expired at `now`.
pub async fn read(
    redis: &Redis,
    list: &List<'_>,
    limit: usize,
    after: Option<Key>,
    now: Timestamp,
) -> RedisResult<Rows> {
    let (score, id) = after.map_or_else(Default::default, |(score, id)| (score.to_string(), id.to_string()));
    let (show, limit, now) = (list.show.to_string(), limit.to_string(), now.unix_millis().to_string());
    let args = [&show, &limit, &now, &score, &id].map(String::as_bytes);
    let (items, score, id, more): (Vec<u8>, String, String, u8) =
        library::read(redis, "page", &[list.key], &args).await?;
    let key = || Some((score.parse().ok()?, id.parse().ok()?));
    Ok(Rows { items, next: if more == 1 { key() } else { None } })
}

/// Answers the page that `query` asks for, or 304 when the client has it.
pub async fn answer(
    state: &AppState,
    request: &http::HeaderMap,
    list: &List<'_>,
    query: &PageQuery,
) -> Result<Response, Error> {
    let (limit, after) = (query.limit()?, query.after(list.key)?);
    let Rows { items, next } = read(&state.redis, list, limit, after, Timestamp::now()).await?;
    let next = next.map(|key| cursor::encode(list.key, &key));
    let body = body(&items, next.as_deref());

    let tag = ETag::of_bytes(&body);
    let mut response = if tag.is_known_to(request) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, JSON)], body).into_response()
    };
    response.headers_mut().insert(header::ETAG, tag.header());
    if state.progress.is_catching_up() {
        response.headers_mut().insert(X_FEED_STATE, HeaderValue::from_static("catching-up"));
    }
    Ok(response)
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
