//! The connection to Redis: one for the whole process, shared by all requests (commands of concurrent requests go
//! out together), made anew when it breaks. Everything sent through it may be sent twice.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, IntoConnectionInfo, RedisError, RedisResult,
    TlsCertificates, Value, aio::MultiplexedConnection, io::tcp::TcpSettings,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tracklore_platform::metrics::CONNECTIONS;

/// A Redis that needs longer counts as away.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(1);
/// After a failed attempt to connect, callers fail at once for this long.
const PAUSE: Duration = Duration::from_millis(100);

/// A shared connection that heals itself.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    /// The connection with its number, so that only the one that failed is thrown away.
    current: Arc<RwLock<Option<(u64, MultiplexedConnection)>>>,
    connecting: Arc<Mutex<Attempts>>,
}

#[derive(Default)]
struct Attempts {
    made: u64,
    failed_at: Option<Instant>,
}

impl std::fmt::Debug for Redis {
    /// The URL holds a password.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Redis").finish_non_exhaustive()
    }
}

impl Redis {
    /// Takes the URL; nothing connects yet.
    pub fn new(url: &str) -> RedisResult<Self> {
        Self::with(url, None, None, None)
    }

    /// The same with another login than the URL's, and where certificates are signed by `authority` (PEM) instead of those
    /// whom the system trusts.
    pub fn with(
        url: &str,
        username: Option<&str>,
        password: Option<&SecretString>,
        authority: Option<Vec<u8>>,
    ) -> RedisResult<Self> {
        // without it, answers wait for delayed acknowledgements of 40 ms now and then
        let tcp = TcpSettings::default().set_nodelay(true).set_user_timeout(RESPONSE_TIMEOUT * 5);
        let connection = url.into_connection_info()?.set_tcp_settings(tcp);
        let mut login = connection.redis_settings().clone();
        if let Some(username) = username {
            login = login.set_username(username);
        }
        if let Some(password) = password {
            login = login.set_password(password.expose_secret());
        }
        let connection = connection.set_redis_settings(login);
        let client = match authority {
            None => Client::open(connection)?,
            root_cert => Client::build_with_tls(connection, TlsCertificates { client_tls: None, root_cert })?,
        };
        Ok(Self { client, current: Arc::default(), connecting: Arc::default() })
    }

    /// Sends one command; on a broken connection once more on a new one.
    pub async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        match self.attempt(command).await {
            Err(error) if error.is_connection_dropped() => self.attempt(command).await,
            answer => answer,
        }
    }

    /// Whether Redis answers.
    pub async fn ping(&self) -> RedisResult<()> {
        self.send(&redis::cmd("PING")).await?;
        // again and again: what was told before metrics are recorded is lost
        connected(true);
        Ok(())
    }

    /// A connection of the caller's own, for commands that wait for up to `patience`.
    pub async fn dedicated(&self, patience: Duration) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTION_TIMEOUT))
            .set_response_timeout(Some(patience));
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    async fn attempt(&self, command: &Cmd) -> RedisResult<Value> {
        let (number, mut connection) = self.connection().await?;
        // what Redis itself refuses comes as a value, too
        let answer = connection.send_packed_command(command).await.and_then(Value::extract_error);
        if answer.as_ref().is_err_and(|error| error.is_unrecoverable_error() || error.is_timeout()) {
            self.forget(number);
        }
        answer
    }

    async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        if let Some(current) = self.current() {
            return Ok(current);
        }
        let mut attempts = self.connecting.lock().await;
        if let Some(current) = self.current() {
            return Ok(current);
        }
        if attempts.failed_at.is_some_and(|at| at.elapsed() < PAUSE) {
            return Err(RedisError::from((ErrorKind::Io, "Redis was away a moment ago")));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTION_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        match self.client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => {
                attempts.made += 1;
                attempts.failed_at = None;
                let current = (attempts.made, connection);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(current.clone());
                connected(true);
                Ok(current)
            }
            Err(error) => {
                attempts.failed_at = Some(Instant::now());
                Err(error)
            }
        }
    }

    fn current(&self) -> Option<(u64, MultiplexedConnection)> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn forget(&self, number: u64) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|(held, _)| *held == number) {
            *current = None;
            connected(false);
        }
    }
}

fn connected(is: bool) {
    metrics::gauge!(
        CONNECTIONS.name,
        "db_client_connection_pool_name" => "redis",
        "db_client_connection_state" => "used",
    )
    .set(f64::from(is));
}
