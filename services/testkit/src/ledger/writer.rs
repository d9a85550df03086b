//! Writes posts, and enters what is acknowledged. An answer that says nothing (none, 5xx, 409 while the first attempt is
//! still at work, 429) is asked for again, under the same key or the same condition, until it is clear.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder, header};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Door, Ledger, Login, Version};
use crate::Answer;

/// For each attempt: longer than the services take for any answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(12);
/// Between attempts.
const AGAIN: Duration = Duration::from_millis(100);
/// A write without a clear answer for so long is lost.
const GIVE_UP: Duration = Duration::from_mins(5);
/// Posts that a writer knows how to change; older ones stay as they are.
const REACH: usize = 40;

/// How a writer works.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Between two writes.
    pub pause: Duration,
    /// Of ten writes, so many change a post…
    pub updates: usize,
    /// …and so many delete one; the others create.
    pub deletes: usize,
}

/// One user who writes, one write after the other.
pub struct Writer {
    ledger: Arc<Ledger>,
    door: Door,
    login: Login,
    written: usize,
    own: Vec<Own>,
}

/// A post that can be changed.
#[derive(Clone, Debug)]
struct Own {
    id: Uuid,
    version: usize,
    etag: String,
}

/// A clear answer, and whether it may be that of an earlier attempt.
struct Settled {
    answer: Answer,
    repeated: bool,
}

impl Writer {
    /// A writer who has signed up.
    pub fn new(ledger: &Arc<Ledger>, door: &Door, login: Login) -> Self {
        let (ledger, door) = (Arc::clone(ledger), door.clone());
        Self { ledger, door, login, written: 0, own: Vec::new() }
    }

    /// Writes until `stop`; the write at hand is finished, however long its answer takes.
    pub async fn run(mut self, plan: Plan, stop: CancellationToken) -> Self {
        while !stop.is_cancelled() {
            let turn = self.written % 10;
            self.written += 1;
            let own = if turn < plan.deletes + plan.updates { self.pick() } else { None };
            match own {
                Some(own) if turn < plan.deletes => self.delete(own).await,
                Some(own) => self.update(own).await,
                None => self.create().await,
            }
            self.ledger.writes.beat();
            stop.run_until_cancelled(sleep(plan.pause)).await;
        }
        self
    }

    fn pick(&mut self) -> Option<Own> {
        let excess = self.own.len().saturating_sub(REACH);
        self.own.drain(..excess);
        let index = rand::random_range(0..self.own.len().max(1));
        (index < self.own.len()).then(|| self.own.swap_remove(index))
    }

    fn text(&self, what: &str) -> String {
        format!("{what} {} of {}", self.written, self.login.username)
    }

    async fn create(&mut self) {
        let (text, begun) = (self.text("write"), self.ledger.now());
        let (key, body) = (Uuid::now_v7().to_string(), json!({"text": text}));
        let settled = self
            .settle(|door| door.posts(Method::POST, "").header("idempotency-key", &key).json(&body), &[201])
            .await;
        let Some(Settled { answer, .. }) = settled else { return };
        let time = answer.json.get("created_at").and_then(Value::as_str).and_then(|time| time.parse().ok());
        let (Some(id), Some(time)) =
            (id_of(&answer), time.map(tracklore_platform::time::Timestamp::unix_millis))
        else {
            return self.complain(&format!("a created post without id and time: {}", answer.json));
        };
        let version = Version { text, begun, acknowledged: self.ledger.now() };
        self.ledger.book().created(id, self.login.id, time, version);
        self.own.push(Own { id, version: 1, etag: answer.header("etag").to_owned() });
    }

    async fn update(&mut self, own: Own) {
        let (text, begun) = (self.text("change"), self.ledger.now());
        let (path, body) = (format!("/{}", own.id), json!({"text": text}));
        let settled = self
            .settle(
                |door| door.posts(Method::PATCH, &path).header(header::IF_MATCH, &own.etag).json(&body),
                &[200, 404, 412],
            )
            .await;
        let Some(Settled { mut answer, repeated }) = settled else { return };
        if answer.status == 412 && repeated {
            // an earlier attempt may have done it
            let Some(now) = self.settle(|door| door.posts(Method::GET, &path), &[200, 404]).await else {
                return;
            };
            answer = now.answer;
        }
        let version = answer.json.get("version").and_then(Value::as_u64).unwrap_or_default();
        let says = answer.json.get("text").and_then(Value::as_str).unwrap_or_default();
        if version != own.version as u64 + 1 || says != text {
            let status = answer.status;
            return self.complain(&format!("{text:?} is answered with {status} and {}", answer.json));
        }
        let version = Version { text, begun, acknowledged: self.ledger.now() };
        self.ledger.book().updated(own.id, version);
        let etag = answer.header("etag").to_owned();
        self.own.push(Own { id: own.id, version: own.version + 1, etag });
    }

    async fn delete(&mut self, own: Own) {
        let (path, begun) = (format!("/{}", own.id), self.ledger.now());
        let settled = self.settle(|door| door.posts(Method::DELETE, &path), &[204, 404]).await;
        match settled {
            Some(Settled { answer, repeated }) if answer.status == 204 || repeated => {
                self.ledger.book().deleted(own.id, begun);
            }
            Some(_) => self.complain(&format!("post {} was created and isn't there to be deleted", own.id)),
            None => {}
        }
    }

    /// Asks until the answer has one of these statuses; none when it has another one that is no reason to ask again.
    async fn settle(&mut self, request: impl Fn(&Door) -> RequestBuilder, clear: &[u16]) -> Option<Settled> {
        let ledger = Arc::clone(&self.ledger);
        let _in_flight = ledger.begin();
        let begun = Instant::now();
        let mut repeated = false;
        while begun.elapsed() < GIVE_UP {
            let attempt = request(&self.door).bearer_auth(&self.login.token).timeout(PATIENCE);
            match Answer::attempt(attempt).await {
                // a gateway that has no routes yet says 404, too, but not as posts does
                Ok(answer) if answer.status == 404 && answer.code().is_empty() => {}
                Ok(answer) if clear.contains(&answer.status) => return Some(Settled { answer, repeated }),
                Ok(answer) if answer.status == 401 => {
                    // nothing was done
                    if let Some(token) = self.door.log_in(&self.login).await {
                        self.login.token = token;
                    }
                }
                Ok(answer) if answer.status == 429 => {}
                Ok(answer) if answer.status == 409 || answer.status >= 500 => repeated = true,
                Ok(answer) => {
                    self.complain(&format!("answered with {}: {}", answer.status, answer.json));
                    return None;
                }
                Err(_) => repeated = true,
            }
            sleep(AGAIN).await;
        }
        self.complain(&format!("no clear answer in {GIVE_UP:?}"));
        None
    }

    /// Something that was acknowledged isn't so any more.
    fn complain(&self, what: &str) {
        self.ledger.seen().lost.push(format!("{}: {what}", self.login.username));
    }
}

fn id_of(answer: &Answer) -> Option<Uuid> {
    answer.json.get("id")?.as_str()?.parse().ok()
}
