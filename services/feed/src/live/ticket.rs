//! Tickets: browsers can't send an `Authorization` header with `EventSource` or `WebSocket`, and a token in an address
//! ends up in logs. A ticket opens one stream, once, within 30 seconds.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use redis::{RedisResult, from_redis_value};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracklore_platform::{id::UserId, token::User};
use uuid::Uuid;

use crate::redis::Redis;

/// How long a ticket may wait to be used.
pub const LIFETIME: Duration = Duration::from_secs(30);

/// What Redis keeps of whom a ticket stands for.
#[derive(Serialize, Deserialize)]
struct Bearer {
    id: UserId,
    session_id: Uuid,
    scope: String,
    auth_time: i64,
    expires_at: i64,
}

/// Issues a ticket that stands for `user` as long as their token does.
pub async fn issue(redis: &Redis, user: User) -> RedisResult<String> {
    let ticket = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let User { id, session_id, scope, auth_time, expires_at, .. } = user;
    // numbers and strings always serialise
    let bearer =
        serde_json::to_string(&Bearer { id, session_id, scope, auth_time, expires_at }).unwrap_or_default();
    let milliseconds = u64::try_from(LIFETIME.as_millis()).unwrap_or_default();
    redis.send(redis::cmd("SET").arg(key(&ticket)).arg(bearer).arg("PX").arg(milliseconds)).await?;
    Ok(ticket)
}

/// Uses a ticket up; `None` when it isn't one (any more).
pub async fn redeem(redis: &Redis, ticket: &str) -> RedisResult<Option<User>> {
    let bearer: Option<String> = from_redis_value(redis.send(redis::cmd("GETDEL").arg(key(ticket))).await?)?;
    let bearer: Option<Bearer> = bearer.and_then(|text| serde_json::from_str(&text).ok());
    Ok(bearer.map(|Bearer { id, session_id, scope, auth_time, expires_at }| User {
        id,
        session_id,
        scope,
        auth_time,
        expires_at,
    }))
}

/// A look into Redis gives nobody a ticket.
fn key(ticket: &str) -> String {
    format!("feed:ticket:{}", URL_SAFE_NO_PAD.encode(Sha256::digest(ticket)))
}
