//! A page of a home feed, merged inside Redis from the lists of those whom the reader follows (`library/home.lua`).

use std::time::Duration;

use redis::{RedisResult, Value, from_redis_value};
use tracklore_platform::{id::UserId, time::Timestamp};

use crate::{
    library,
    lists::{SHOW_HOME, SHOW_USER},
    page::{self, GENERATION, Key},
    redis::Redis,
};

/// How long the index of a reader who doesn't come is kept.
const IDLE: Duration = Duration::from_hours(7 * 24);
/// It is prolonged when less than this is left.
const PROLONG: Duration = Duration::from_hours(6 * 24);

/// Where a page of a home feed starts: after this activity, so many being passed.
pub type HomeKey = (Key, usize);

/// Some activities of a home feed.
#[derive(Debug)]
pub struct HomeRows {
    /// As JSON, with commas between.
    pub items: Vec<u8>,
    /// Where the next page starts, when there are more.
    pub next: Option<HomeKey>,
    /// Authors of whom posts may be missing.
    pub missing: Vec<UserId>,
}

/// Reads `limit` activities after `after`, without those that have expired at `now`.
pub async fn read(
    redis: &Redis,
    reader: UserId,
    limit: usize,
    after: Option<HomeKey>,
    now: Timestamp,
) -> RedisResult<HomeRows> {
    loop {
        let answer = attempt(redis, reader, limit, after, now).await?;
        if let [_] = answer.as_slice() {
            open(redis, reader).await?;
            continue;
        }
        let (items, score, id, more, passed, kept, missing): (
            Vec<u8>,
            String,
            String,
            u8,
            usize,
            u64,
            Vec<i64>,
        ) = from_redis_value(Value::Array(answer))?;
        if kept < PROLONG.as_millis().try_into().unwrap_or(u64::MAX) {
            open(redis, reader).await?;
        }
        let next = page::next(&score, &id, more).map(|key| (key, passed));
        let missing = missing.into_iter().filter_map(|id| id.try_into().ok()).collect();
        return Ok(HomeRows { items, next, missing });
    }
}

async fn attempt(
    redis: &Redis,
    reader: UserId,
    limit: usize,
    after: Option<HomeKey>,
    now: Timestamp,
) -> RedisResult<Vec<Value>> {
    let (after, passed) = after.map_or((None, 0), |(key, passed)| (Some(key), passed));
    let [score, id] = page::start(after);
    let args = [
        reader.to_string(),
        SHOW_HOME.to_string(),
        SHOW_USER.to_string(),
        limit.to_string(),
        now.unix_millis().to_string(),
        score,
        id,
        passed.to_string(),
    ];
    library::read(redis, "home", &[GENERATION], &args.each_ref().map(String::as_bytes)).await
}

/// Makes the reader's index or prolongs it.
async fn open(redis: &Redis, reader: UserId) -> RedisResult<()> {
    let args = [reader.to_string(), IDLE.as_millis().to_string()];
    let _: String =
        library::call(redis, "open_home", &[GENERATION], &args.each_ref().map(String::as_bytes)).await?;
    Ok(())
}
