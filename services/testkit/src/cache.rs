//! The test's own view of a Redis database. As patient as all waiting here: the services' own connections take a slow Redis
//! for one that is away.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, aio::MultiplexedConnection, cmd};

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to a database.
pub struct Cache(MultiplexedConnection);

/// All that a database had: keys and values in turn.
pub struct Copy(Vec<Vec<u8>>);

impl Cache {
    /// Connects to the database at this URL.
    pub async fn open(url: &str) -> Self {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let client = Client::open(url).expect("a Redis URL");
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        Self(connection.expect("the test's Redis answers"))
    }

    /// What it answers to this command.
    pub async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> T {
        command.query_async(&mut self.0).await.expect("Redis does what it is asked")
    }

    /// Removes everything.
    pub async fn empty(&mut self) {
        self.ask::<()>(&cmd("FLUSHDB")).await;
    }

    /// Everything, to be put back by [`Self::restore`].
    pub async fn copy(&mut self) -> Copy {
        let script = "local all = {} for _, key in ipairs(redis.call('KEYS', '*')) do \
            all[#all + 1] = key all[#all + 1] = redis.call('DUMP', key) end return all";
        Copy(self.ask(cmd("EVAL").arg(script).arg(0)).await)
    }

    /// Puts the database back to what it was, all at once.
    pub async fn restore(&mut self, copy: &Copy) {
        let script = "redis.call('FLUSHDB') \
            for i = 1, #ARGV, 2 do redis.call('RESTORE', ARGV[i], 0, ARGV[i + 1]) end";
        self.ask::<()>(cmd("EVAL").arg(script).arg(0).arg(&copy.0)).await;
    }
}
