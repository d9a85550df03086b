//! A connection's place in the log.

use std::{collections::VecDeque, sync::Arc};

use redis::{RedisError, RedisResult};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tracklore_platform::{id::UserId, trace::Described};

use super::{
    change::{After, Change, Entry, Position, Traced, after},
    hub::Hub,
    scope::{Audience, Scope, Told},
};
use crate::{library, page::GENERATION, redis::Redis};

/// Entries read from Redis at once by a connection that is behind.
const BATCH: usize = 32;

/// Tells what a client wants to know, from a place in the log on.
pub struct Follower {
    hub: Hub,
    receiver: Receiver<Arc<Entry>>,
    position: Position,
    audiences: Vec<(Scope, Audience)>,
    /// Heard of and not told yet; at most a batch.
    behind: VecDeque<Entry>,
    /// Whether Redis has more that comes before what the receiver gives.
    is_behind: bool,
    /// One change may be told of several scopes.
    told: VecDeque<Event>,
}

/// Something to tell a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// To be sent back to go on from here.
    pub cursor: String,
    /// Which of the scopes it concerns.
    pub scope: Scope,
    /// What.
    pub told: Told,
    /// The trace that brought it about, if it is kept.
    pub trace: Option<Traced>,
}

impl Event {
    /// Tells the trace that a client is told.
    pub fn tell_trace(&self, transport: &'static str) {
        if let Some(span) = self.trace.as_ref().and_then(Traced::step) {
            span.end(false, || {
                Described::new(format!("send {}", self.told.name()))
                    .with("messaging.operation.type", "send")
                    .with("tracklore.feed.transport", transport)
            });
        }
    }
}

impl Follower {
    /// Follows from `after` on, or from now on. `None` while the log can't be read.
    pub fn new(hub: &Hub, start: Option<Position>) -> Option<Self> {
        let (receiver, end) = hub.subscribe()?;
        let is_behind = start.is_some();
        Some(Self {
            hub: hub.clone(),
            receiver,
            position: start.unwrap_or(end),
            audiences: Vec::new(),
            behind: VecDeque::new(),
            is_behind,
            told: VecDeque::new(),
        })
    }

    /// Where it stands.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Listens to exactly these from now on; `home` is the reader whose home feed is meant.
    pub async fn listen(&mut self, scopes: &[Scope], home: Option<UserId>) -> RedisResult<()> {
        let mut audiences = Vec::with_capacity(scopes.len());
        for scope in scopes {
            let audience = match (scope, home) {
                (Scope::Global, _) => Audience::Global,
                (Scope::User(id), _) => Audience::User(*id),
                (Scope::Home, Some(reader)) => {
                    Audience::Home(reader, follows(self.hub.redis(), reader).await?)
                }
                (Scope::Home, None) => continue,
            };
            audiences.push((*scope, audience));
        }
        self.audiences = audiences;
        Ok(())
    }

    /// Waits for the next thing to tell. Nothing is lost when it is dropped before.
    pub async fn next(&mut self) -> RedisResult<Event> {
        loop {
            if let Some(event) = self.told.pop_front() {
                return Ok(event);
            }
            if let Some(entry) = self.behind.front().cloned() {
                self.tell(&entry).await?;
                self.behind.pop_front();
            } else if self.is_behind {
                self.catch_up().await?;
            } else {
                match self.receiver.recv().await {
                    Ok(entry) if self.is_new(&entry) => self.behind.push_back(Entry::clone(&entry)),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => self.is_behind = true,
                    Err(RecvError::Closed) => {
                        return Err(RedisError::from(std::io::Error::other("the log is closed")));
                    }
                }
            }
        }
    }

    /// What was read from Redis comes from the receiver, too. That the log went back is new, though it stands before.
    fn is_new(&self, entry: &Entry) -> bool {
        entry.position.epoch != self.position.epoch
            || entry.position.id > self.position.id
            || (entry.change == Change::Everything && entry.position.id < self.position.id)
    }

    async fn catch_up(&mut self) -> RedisResult<()> {
        match after(self.hub.redis(), Some(&self.position), BATCH).await? {
            After::Entries(entries) => {
                self.is_behind = entries.len() == BATCH;
                self.behind = entries.into();
            }
            After::Lost(position) => {
                self.is_behind = false;
                self.behind.push_back(Entry { position, change: Change::Everything, trace: None });
            }
        }
        Ok(())
    }

    async fn tell(&mut self, entry: &Entry) -> RedisResult<()> {
        let mut told = VecDeque::new();
        for (scope, audience) in &mut self.audiences {
            let Some(what) = audience.told(&entry.change) else { continue };
            if let (Told::Reset, Audience::Home(reader, followed)) = (&what, &mut *audience) {
                *followed = follows(self.hub.redis(), *reader).await?;
            }
            // who comes back before all of it was told is told all of it again
            told.push_back(Event {
                cursor: self.position.cursor(),
                scope: *scope,
                told: what,
                trace: entry.trace.clone(),
            });
        }
        self.position = entry.position.clone();
        if let Some(last) = told.back_mut() {
            last.cursor = self.position.cursor();
        }
        self.told = told;
        Ok(())
    }
}

/// Whom a reader follows, sorted.
async fn follows(redis: &Redis, reader: UserId) -> RedisResult<Vec<UserId>> {
    let ids: Vec<i64> =
        library::read(redis, "follows", &[GENERATION], &[reader.to_string().as_bytes()]).await?;
    let mut ids: Vec<UserId> = ids.into_iter().filter_map(|id| id.try_into().ok()).collect();
    ids.sort_unstable();
    Ok(ids)
}
