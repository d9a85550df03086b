//! Applies events to the read model, each by one call of one function.

use std::{sync::Arc, time::Duration};

use redis::RedisResult;
use tokio::{runtime::Handle, task::block_in_place, time::sleep};
use tokio_util::sync::CancellationToken;
use tracklore_platform::{
    consumer::{Failure, Handler},
    event::Record,
};

use crate::{
    actors::{Actor, Actors},
    event::{Change, PostChange, Shown},
    library, lists,
    positions::{Expected, Offsets, Step, Stored},
    redis::Redis,
};

/// How long a deleted or hidden post and a deleted user are remembered: longer than `posts-events` are kept, so no
/// older event can come after that.
const REMEMBER: Duration = Duration::from_hours(8 * 24);
/// How often Redis is asked for the stored offset before the consumer starts without it (and is then sent back).
const OFFSET_ATTEMPTS: u32 = 10;
const OFFSET_PAUSE: Duration = Duration::from_millis(200);

/// Writes the read model.
#[derive(Clone)]
pub struct ReadModel {
    redis: Redis,
    limits: lists::Limits,
}

/// The consumers' handler, for as long as they keep their partitions.
#[derive(Clone)]
pub struct Applier {
    /// The read model.
    pub model: ReadModel,
    /// Whom to ask for unknown users.
    pub actors: Actors,
    /// The offsets in Redis.
    pub offsets: Offsets,
    /// Where this consumer stands.
    pub expected: Arc<Expected>,
    /// Cancelled to make the consumer start again from what Redis says.
    pub session: CancellationToken,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The read model has it, or something newer.
    Settled,
    /// The post's author has to be looked up first; nothing was changed.
    AskForActor,
    /// Redis stands elsewhere than expected; nothing was changed.
    Gap,
}

/// What is known of a post's author besides what Redis knows.
#[derive(Clone, Copy, Debug)]
pub enum Author<'a> {
    /// Nobody was asked.
    NotAsked,
    /// There is no such user.
    Nobody,
    /// This.
    Known(&'a Actor),
}

impl ReadModel {
    /// The read model in `redis` with lists of these lengths.
    pub fn new(redis: Redis, limits: lists::Limits) -> Self {
        Self { redis, limits }
    }

    /// Applies a change at `step`, together with the offset.
    pub async fn apply(&self, step: &Step, change: &Change, author: Author<'_>) -> RedisResult<Outcome> {
        let answer = match change {
            Change::Post(post) => self.apply_post(step, post, author).await?,
            Change::User { id, sequence, username } => {
                let [list, floor] = [lists::user(*id), lists::floor_of_user(*id)];
                let keys = [&lists::actor(*id), &list, lists::GLOBAL, &floor];
                let (sequence, remember) = (sequence.to_string(), REMEMBER.as_millis().to_string());
                let args = [&sequence, &remember, &id.to_string(), username.as_deref().unwrap_or_default()];
                self.call("user", step, &keys, &args).await?
            }
            Change::Profile { id, sequence, display_name, avatar_url } => {
                let args = [&sequence.to_string(), display_name, avatar_url];
                self.call("profile", step, &[&lists::actor(*id)], &args.map(String::as_str)).await?
            }
            Change::Nothing => self.call("skip", step, &[], &[]).await?,
        };
        Ok(match answer.as_str() {
            "ask" => Outcome::AskForActor,
            "gap" => Outcome::Gap,
            _ => Outcome::Settled,
        })
    }

    async fn apply_post(&self, step: &Step, post: &PostChange, author: Author<'_>) -> RedisResult<String> {
        let id = post.id.to_string();
        let keys = [
            lists::post(post.id),
            lists::GLOBAL.to_owned(),
            lists::user(post.author),
            lists::actor(post.author),
            lists::GLOBAL_FLOOR.to_owned(),
            lists::floor_of_user(post.author),
        ];
        let mut args =
            vec![post.sequence.to_string(), REMEMBER.as_millis().to_string(), id, post.author.to_string()];
        match &post.shown {
            None => args.push("0".to_owned()),
            Some(Shown { created_at, expires_at, body }) => {
                args.extend([
                    "1".to_owned(),
                    created_at.unix_millis().to_string(),
                    created_at.to_string(),
                    expires_at.map_or_else(String::new, |at| at.unix_millis().to_string()),
                    body.clone(),
                    self.limits.keep_global.to_string(),
                    self.limits.keep_user.to_string(),
                ]);
                args.extend(match author {
                    Author::NotAsked => [""; 4].map(str::to_owned),
                    Author::Nobody => ["nobody", "", "", ""].map(str::to_owned),
                    Author::Known(Actor { username, display_name, avatar_url, .. }) => {
                        ["known", username, display_name, avatar_url].map(str::to_owned)
                    }
                });
            }
        }
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        self.call("post", step, &keys, &args.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    async fn call(&self, function: &str, step: &Step, keys: &[&str], args: &[&str]) -> RedisResult<String> {
        let keys: Vec<_> = [step.key.as_str()].into_iter().chain(keys.iter().copied()).collect();
        let args: Vec<_> =
            step.args.iter().map(String::as_bytes).chain(args.iter().map(|arg| arg.as_bytes())).collect();
        library::call(&self.redis, function, &keys, &args).await
    }
}

impl Applier {
    async fn settle(&self, record: &Record, change: &Change) -> Result<(), Failure> {
        let step = self.offsets.step(record, self.expected.before(record));
        let mut outcome = self.model.apply(&step, change, Author::NotAsked).await.map_err(later)?;
        if let (Outcome::AskForActor, Change::Post(post)) = (outcome, change) {
            let actor = self.actors.ask(post.author).await.map_err(later)?;
            let author = actor.as_ref().map_or(Author::Nobody, Author::Known);
            outcome = self.model.apply(&step, change, author).await.map_err(later)?;
        }
        match outcome {
            Outcome::Settled => {
                self.expected.passed(record);
                Ok(())
            }
            Outcome::Gap => {
                self.session.cancel();
                Err(Failure::Retry("Redis stands at another offset, going there".to_owned()))
            }
            Outcome::AskForActor => Err(Failure::Retry("the author is not known yet".to_owned())),
        }
    }

    async fn stored_offset(&self, topic: &str, partition: i32) -> Stored {
        for _ in 0..OFFSET_ATTEMPTS {
            match self.offsets.stored(topic).await {
                Ok(stored) => {
                    return stored.get(&partition).map_or(Stored::Nothing, |next| Stored::Offset(*next));
                }
                Err(error) => tracing::warn!(%error, "Redis can't be asked for the offset"),
            }
            if self.session.run_until_cancelled(sleep(OFFSET_PAUSE)).await.is_none() {
                break;
            }
        }
        Stored::Unknown
    }
}

impl Handler for Applier {
    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        self.settle(record, &Change::of(record)?).await
    }

    async fn buried(&self, record: &Record) {
        if let Err(failure) = self.settle(record, &Change::Nothing).await {
            // the next record of the partition goes on from the same stored offset
            tracing::warn!(?failure, "the offset after a dead letter is not stored yet");
        }
    }

    /// Without a stored offset from the beginning (0 is before the first record there is): the group's offset is that
    /// of a Redis that is no more.
    fn start_offset(&self, topic: &str, partition: i32) -> Option<i64> {
        let stored = block_in_place(|| Handle::current().block_on(self.stored_offset(topic, partition)));
        self.expected.assigned(topic, partition, stored);
        let offset = if let Stored::Offset(offset) = stored { offset } else { 0 };
        tracing::info!(topic, partition, offset, "reading on from what Redis has");
        Some(offset)
    }
}

fn later(error: impl std::error::Error) -> Failure {
    Failure::Retry(tracklore_platform::problem::Chain(&error).to_string())
}
