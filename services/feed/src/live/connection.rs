//! What live connections have in common: who listens, how many may, and when they end.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracklore_platform::{
    problem::Problem,
    token::{Revoked, TokenError, User},
};
use uuid::Uuid;

use super::{
    change::{EntryId, Position},
    follower::Follower,
    hub::Hub,
    scope::Scope,
    ticket,
};
use crate::{
    error::Error,
    metrics::{STREAMS, STREAMS_REFUSED},
    redis::Redis,
};

/// How often a silent connection gets a sign of life.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often it is looked whether a listener's session has ended.
const LOOK: Duration = Duration::from_secs(1);

/// What live connections need.
#[derive(Clone)]
pub struct Live {
    hub: Hub,
    redis: Redis,
    slots: Arc<Semaphore>,
    draining: CancellationToken,
    /// Over how long connections end when the process stops.
    spread: Duration,
    revoked: Revoked,
}

/// A place for one connection, given back when it is dropped.
pub struct Slot {
    _permit: OwnedSemaphorePermit,
    open: metrics::Gauge,
}

/// When a connection has to end.
pub struct End {
    draining: CancellationToken,
    delay: Duration,
    /// Once the process has begun to stop.
    stops_at: Option<Instant>,
    /// With the token; nobody's connection ends by itself.
    expires_at: Option<Instant>,
    session: Option<Uuid>,
    revoked: Revoked,
    /// When to see again whether the session has ended.
    look_at: Instant,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The process does.
    Stopping,
    /// The token or the session did.
    TokenEnded,
}

impl Live {
    /// Up to `connections`, which follow `hub`; when `draining` starts they end within `spread`, and a connection of a
    /// session in `revoked` at once.
    pub fn new(
        hub: Hub,
        redis: Redis,
        connections: usize,
        draining: CancellationToken,
        spread: Duration,
        revoked: Revoked,
    ) -> Self {
        Self { hub, redis, slots: Arc::new(Semaphore::new(connections)), draining, spread, revoked }
    }

    /// Who listens: by token, or by the ticket that they had instead.
    pub async fn listener(&self, user: Option<User>, ticket: Option<&str>) -> Result<Option<User>, Error> {
        let Some(ticket) = ticket else { return Ok(user) };
        let user = ticket::redeem(&self.redis, ticket).await?;
        Ok(Some(user.ok_or_else(|| Problem::from(TokenError::Invalid))?))
    }

    /// A ticket that stands for `user`.
    pub async fn issue(&self, user: User) -> Result<String, Error> {
        Ok(ticket::issue(&self.redis, user).await?)
    }

    /// A place for a connection; 503 when all are taken or the process stops.
    pub fn enter(&self, transport: &'static str) -> Result<Slot, Problem> {
        if self.draining.is_cancelled() {
            return Err(Problem::unavailable());
        }
        let permit = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            metrics::counter!(STREAMS_REFUSED.name, "transport" => transport).increment(1);
            Problem::unavailable()
        })?;
        let open = metrics::gauge!(STREAMS.name, "transport" => transport);
        open.increment(1);
        Ok(Slot { _permit: permit, open })
    }

    /// Follows the log from where the client's cursor says, else from now on.
    pub async fn follow(
        &self,
        scopes: &[Scope],
        user: Option<&User>,
        cursor: Option<&str>,
    ) -> Result<Follower, Error> {
        // a cursor that we don't know is one of a log that is no more: the client is to start anew
        let elsewhere = || Position { epoch: "-".to_owned(), id: EntryId::default() };
        let start = cursor.map(|cursor| Position::of_cursor(cursor).unwrap_or_else(|_| elsewhere()));
        let follower = Follower::new(&self.hub, start).ok_or_else(Problem::unavailable)?;
        self.listen(follower, scopes, user).await
    }

    /// Lets a follower listen to these lists, from where it is.
    pub async fn listen(
        &self,
        mut follower: Follower,
        scopes: &[Scope],
        user: Option<&User>,
    ) -> Result<Follower, Error> {
        if scopes.contains(&Scope::Home) && user.is_none() {
            return Err(Problem::from(TokenError::Missing).into());
        }
        follower.listen(scopes, user.map(|user| user.id)).await?;
        Ok(follower)
    }

    /// When the connection of this listener has to end.
    pub fn end(&self, user: Option<&User>) -> End {
        let delay = self.spread.mul_f64(rand::random::<f64>());
        let mut end = End {
            draining: self.draining.clone(),
            delay,
            stops_at: None,
            expires_at: None,
            session: None,
            revoked: self.revoked.clone(),
            look_at: Instant::now() + LOOK,
        };
        if let Some(user) = user {
            end.renew(user);
        }
        end
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.open.decrement(1);
    }
}

impl End {
    /// Waits for the end, and says why it came. May be dropped and called again.
    pub async fn come(&mut self) -> Why {
        loop {
            tokio::select! {
                () = self.draining.cancelled(), if self.stops_at.is_none() => {
                    self.stops_at = Some(Instant::now() + self.delay);
                }
                () = until(self.stops_at) => return Why::Stopping,
                () = until(self.expires_at) => return Why::TokenEnded,
                () = until(self.session.map(|_| self.look_at)) => {
                    if self.session.is_some_and(|session| self.revoked.contains(session)) {
                        return Why::TokenEnded;
                    }
                    self.look_at = Instant::now() + LOOK;
                }
            }
        }
    }

    /// The listener has this token now.
    pub fn renew(&mut self, user: &User) {
        (self.expires_at, self.session) = (Some(instant(user.expires_at)), Some(user.session_id));
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The instant of a time in seconds of the Unix epoch; now when it is over.
fn instant(seconds: i64) -> Instant {
    let at = UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0));
    Instant::now() + at.duration_since(SystemTime::now()).unwrap_or_default()
}
