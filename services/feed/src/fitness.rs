//! Whether a Redis can hold feeds. One of another kind would seem to work and lose lists later, so the service says what isn't
//! right, and doesn't start.

use std::time::{Duration, Instant};

use redis::{RedisError, Value, from_redis_value};

use crate::{library, redis::Redis};

/// How long to wait for a Redis that is away: it may be looked at later by nobody, but must not hold up the start.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait until it lets the feed in: while logins are replaced, it may hear of the new one a minute or two after the feed.
const UNTIL_LET_IN: Duration = Duration::from_secs(100);
const PAUSE: Duration = Duration::from_millis(500);

/// Why a Redis can't hold feeds.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It takes no login of ours.
    #[error(
        "Redis doesn't let the feed in ({0}); correct user and password in TRACKLORE_REDIS_URL, or TRACKLORE_REDIS_USERNAME and \
         TRACKLORE_REDIS_PASSWORD where they are set"
    )]
    Login(String),
    /// It is one of many.
    #[error("Redis runs in cluster mode, where feeds would fall apart; use one that doesn't")]
    Cluster,
    /// It forgets.
    #[error(
        "Redis evicts keys (maxmemory-policy {0}), so feeds would lose entries unnoticed; set maxmemory-policy noeviction"
    )]
    Evicts(String),
    /// It has no functions.
    #[error(
        "Redis has no functions ({0}); use Redis 7, Valkey 7 or newer, and allow the user FUNCTION and FCALL"
    )]
    Functions(String),
}

/// Waits until a Redis is found fit. One that doesn't answer is no error: the feed copes with that, before and after.
pub async fn check(redis: &Redis) -> Result<(), Unfit> {
    let started = Instant::now();
    let mut refused = false;
    loop {
        match look(redis).await {
            Ok(Err(unfit @ Unfit::Login(_))) if started.elapsed() < UNTIL_LET_IN => {
                if !refused {
                    tracing::warn!(error = %unfit, patience = ?UNTIL_LET_IN, "Redis may hear of the login later: waiting");
                }
                refused = true;
            }
            Ok(verdict) => return verdict,
            Err(error) if !refused && started.elapsed() > PATIENCE => {
                tracing::warn!(%error, "Redis doesn't answer yet, so it can't be told whether it is fit");
                return Ok(());
            }
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What is found, or that it can't be reached.
pub async fn look(redis: &Redis) -> Result<Result<(), Unfit>, RedisError> {
    let information = match redis.send(&redis::cmd("INFO")).await {
        Ok(answer) => text(answer),
        Err(error) if is_login(&error) => return Ok(Err(Unfit::Login(words(&error)))),
        // A user who may not ask is told nothing; what matters most is still seen below.
        Err(error) if error.code() == Some("NOPERM") => String::new(),
        Err(error) => return Err(error),
    };
    if let Some(unfit) = unfit(&information) {
        return Ok(Err(unfit));
    }
    match library::load(redis).await {
        Ok(()) => Ok(Ok(())),
        Err(error) if is_about_functions(&error) => Ok(Err(Unfit::Functions(words(&error)))),
        Err(error) => Err(error),
    }
}

fn text(answer: Value) -> String {
    from_redis_value(answer).unwrap_or_default()
}

/// What `INFO` says against it.
fn unfit(information: &str) -> Option<Unfit> {
    let field = |name: &str| {
        let mut lines = information.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned())
    };
    if field("cluster_enabled").is_some_and(|enabled| enabled == "1") {
        return Some(Unfit::Cluster);
    }
    field("maxmemory_policy").filter(|policy| policy != "noeviction").map(Unfit::Evicts)
}

fn is_login(error: &RedisError) -> bool {
    matches!(error.code(), Some("WRONGPASS" | "NOAUTH"))
        || error.kind() == redis::ErrorKind::AuthenticationFailed
}

fn is_about_functions(error: &RedisError) -> bool {
    let unknown = || error.detail().is_some_and(|detail| detail.contains("unknown command"));
    error.code() == Some("NOPERM") || unknown()
}

fn words(error: &RedisError) -> String {
    error.detail().map_or_else(|| error.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_against_a_redis_is_read_from_what_it_says_of_itself() {
        let fit = "# Memory\r\nmaxmemory_policy:noeviction\r\n# Cluster\r\ncluster_enabled:0\r\n";
        assert!(unfit(fit).is_none());
        assert!(unfit("").is_none());
        assert!(matches!(unfit(&fit.replace("enabled:0", "enabled:1")), Some(Unfit::Cluster)));
        let forgetful = fit.replace("noeviction", "allkeys-lru");
        assert!(matches!(unfit(&forgetful), Some(Unfit::Evicts(policy)) if policy == "allkeys-lru"));
    }
}
