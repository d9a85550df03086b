//! One conversation over a WebSocket.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tracklore_platform::{problem::Problem, time::Timestamp, token::User};

use super::message::{Reply, Request, text};
use crate::{
    error::Error,
    live::{
        connection::{End, HEARTBEAT, Why},
        follower::{Event, Follower},
        scope::Scope,
    },
    state::AppState,
};

/// Our own close code: log in again.
const TOKEN_EXPIRED: u16 = 4401;
/// A client that doesn't take a message within this time is cut.
const SEND_PATIENCE: Duration = Duration::from_secs(10);
/// Nor one that says nothing, not even an answer to a ping, for so many heartbeats.
const SILENT_HEARTBEATS: u32 = 3;

struct Session {
    state: AppState,
    socket: WebSocket,
    user: Option<User>,
    end: End,
    follower: Option<Follower>,
}

/// Why the conversation is over.
enum Over {
    /// The client is gone, or doesn't listen.
    Gone,
    /// We close it, and say why.
    Close(u16, &'static str),
    /// The client did something wrong.
    Wrong(Problem, String),
}

/// Talks until one of the two ends it.
pub async fn run(state: AppState, socket: WebSocket, user: Option<User>) {
    let end = state.live.end(user.as_ref());
    let mut session = Session { state, socket, user, end, follower: None };
    let close = match session.talk().await {
        Over::Gone => return,
        Over::Close(code, reason) => CloseFrame { code, reason: Utf8Bytes::from_static(reason) },
        Over::Wrong(problem, detail) => {
            let error = Reply::Error { code: problem.code(), detail: &detail };
            if session.send(error.text()).await.is_err() {
                return;
            }
            CloseFrame { code: close_code::POLICY, reason: Utf8Bytes::from_static(problem.code()) }
        }
    };
    // who doesn't take it is gone
    drop(timeout(SEND_PATIENCE, session.socket.send(Message::Close(Some(close)))).await);
}

impl Session {
    async fn talk(&mut self) -> Over {
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent = 0;
        loop {
            let done = tokio::select! {
                why = self.end.come() => Err(match why {
                    Why::Stopping => Over::Close(close_code::AWAY, "stopping"),
                    Why::TokenEnded => Over::Close(TOKEN_EXPIRED, "token-expired"),
                }),
                _ = heartbeat.tick() => {
                    silent += 1;
                    if silent > SILENT_HEARTBEATS {
                        Err(Over::Gone)
                    } else {
                        self.put(Message::Ping(Bytes::new())).await
                    }
                }
                message = self.socket.recv() => {
                    silent = 0;
                    match message {
                        Some(Ok(message)) => self.hear(message).await,
                        _ => Err(Over::Gone),
                    }
                }
                event = next(self.follower.as_mut()) => match event {
                    Ok(event) => {
                        event.tell_trace("ws");
                        self.send(text(&event)).await
                    }
                    Err(_) => Err(Over::Close(close_code::AGAIN, "unavailable")),
                },
            };
            if let Err(over) = done {
                return over;
            }
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), Over> {
        match message {
            Message::Text(text) => match Request::of(&text) {
                Ok(Request::Token(token)) => self.authenticate(&token).await,
                Ok(Request::Subscribe(scopes, after)) => self.subscribe(&scopes, after.as_deref()).await,
                Err(reason) => Err(Over::Wrong(Problem::malformed(""), format!("Bad message: {reason}."))),
            },
            Message::Binary(_) => Err(Over::Wrong(Problem::malformed(""), "Send JSON as text.".to_owned())),
            Message::Close(_) => Err(Over::Gone),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    async fn authenticate(&mut self, token: &str) -> Result<(), Over> {
        let user = self.state.verifier.user(token).await.map_err(|error| {
            Over::Wrong(error.into(), "The access token is not valid (any more).".to_owned())
        })?;
        if self.user.as_ref().is_some_and(|known| known.id != user.id) {
            let detail = "The token is another user's. Open another connection.".to_owned();
            return Err(Over::Wrong(Problem::unauthorized("invalid-token", ""), detail));
        }
        self.end.renew(&user);
        let expires_at = Timestamp::from_unix_millis(user.expires_at.saturating_mul(1000));
        self.user = Some(user);
        self.send(Reply::Authenticated { expires_at }.text()).await
    }

    async fn subscribe(&mut self, scopes: &[Scope], after: Option<&str>) -> Result<(), Over> {
        let (live, user) = (&self.state.live, self.user.as_ref());
        let begun = match (self.follower.take(), after) {
            // on from where it is
            (Some(follower), None) => live.listen(follower, scopes, user).await,
            _ => live.follow(scopes, user, after).await,
        };
        let follower = begun.map_err(|error| match error {
            Error::Problem(problem) => {
                let detail = problem.detail().to_owned();
                Over::Wrong(problem, detail)
            }
            Error::Redis(_) => Over::Close(close_code::AGAIN, "unavailable"),
        })?;
        let cursor = follower.position().cursor();
        self.follower = Some(follower);
        self.send(Reply::Subscribed { scopes: scopes.iter().map(Scope::to_string).collect(), cursor }.text())
            .await
    }

    async fn send(&mut self, text: String) -> Result<(), Over> {
        self.put(Message::Text(text.into())).await
    }

    async fn put(&mut self, message: Message) -> Result<(), Over> {
        match timeout(SEND_PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Over::Gone),
        }
    }
}

/// The next event, once there is a subscription.
async fn next(follower: Option<&mut Follower>) -> redis::RedisResult<Event> {
    match follower {
        Some(follower) => follower.next().await,
        None => std::future::pending().await,
    }
}
