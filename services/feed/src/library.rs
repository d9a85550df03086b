//! The Redis Function library that keeps the read model (`library/*.lua`), and calling it. Its name and its functions'
//! names carry a hash of the text, so that replicas of two versions work side by side, and a call never meets a
//! function other than the one it was written for.

use std::{fmt::Write as _, sync::LazyLock, time::Instant};

use redis::{Cmd, FromRedisValue, RedisError, RedisResult, Value};
use sha2::{Digest, Sha256};
use tracklore_platform::trace::{self, Described, Kind};

use crate::{metrics::REDIS_DURATION, redis::Redis};

/// One text: each part uses what stands before it.
const TEXT: &str = concat!(
    include_str!("library/head.lua"),
    include_str!("library/positions.lua"),
    include_str!("library/log.lua"),
    include_str!("library/lists.lua"),
    include_str!("library/home.lua"),
    include_str!("library/events.lua"),
    include_str!("library/pages.lua"),
    include_str!("library/upkeep.lua"),
);

struct Library {
    version: String,
    code: String,
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let version = Sha256::digest(TEXT).iter().take(4).fold(String::new(), |mut hex, byte| {
        // writing to a string can't fail
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let code = TEXT.replace("@VERSION@", &version);
    Library { version, code }
});

/// Loads the library; one of the same name is replaced atomically.
pub async fn load(redis: &Redis) -> RedisResult<()> {
    redis.send(redis::cmd("FUNCTION").arg("LOAD").arg("REPLACE").arg(&LIBRARY.code)).await?;
    tracing::info!(version = LIBRARY.version, "functions loaded into Redis");
    Ok(())
}

/// Calls the function `name` that changes the read model.
pub async fn call<T: FromRedisValue>(
    redis: &Redis,
    name: &'static str,
    keys: &[&str],
    args: &[&[u8]],
) -> RedisResult<T> {
    run(redis, "FCALL", name, keys, args).await
}

/// Calls the function `name` that only reads.
pub async fn read<T: FromRedisValue>(
    redis: &Redis,
    name: &'static str,
    keys: &[&str],
    args: &[&[u8]],
) -> RedisResult<T> {
    run(redis, "FCALL_RO", name, keys, args).await
}

async fn run<T: FromRedisValue>(
    redis: &Redis,
    command: &str,
    name: &'static str,
    keys: &[&str],
    args: &[&[u8]],
) -> RedisResult<T> {
    let command = invocation(command, name, keys, args);
    let described = || {
        Described::new(format!("FCALL {name}"))
            .with("db.system.name", "redis")
            .with("db.stored_procedure.name", name)
    };
    let started = Instant::now();
    // boxed: all that ask Redis would carry its size several times over
    let answer = trace::step(Kind::Client, described, Box::pin(invoke(redis, &command))).await;
    let outcome = if answer.is_ok() { "ok" } else { "failed" };
    metrics::histogram!(
        REDIS_DURATION.name,
        "db_system_name" => "redis",
        "db_stored_procedure_name" => name,
        "outcome" => outcome,
    )
    .record(started.elapsed());
    Ok(T::from_redis_value(answer?)?)
}

/// Calls a function, and loads the library when Redis doesn't have it (any more).
async fn invoke(redis: &Redis, command: &Cmd) -> RedisResult<Value> {
    match redis.send(command).await {
        Err(error) if is_missing_function(&error) => {
            load(redis).await?;
            redis.send(command).await
        }
        answer => answer,
    }
}

fn invocation(command: &str, name: &str, keys: &[&str], args: &[&[u8]]) -> Cmd {
    let mut invocation = redis::cmd(command);
    invocation.arg(format!("tracklore_feed_{name}_{}", LIBRARY.version)).arg(keys.len());
    for key in keys {
        invocation.arg(key);
    }
    for arg in args {
        invocation.arg(arg);
    }
    invocation
}

/// Redis says it in words only.
fn is_missing_function(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("Function not found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_and_all_its_functions_carry_the_version() {
        assert!(!LIBRARY.code.contains("@VERSION@"));
        assert!(LIBRARY.code.starts_with(&format!("#!lua name=tracklore_feed_{}\n", LIBRARY.version)));
        for name in ["apply", "fill", "evict", "swap", "page", "home"] {
            assert!(LIBRARY.code.contains(&format!("'tracklore_feed_{name}_{}'", LIBRARY.version)), "{name}");
        }
    }
}
