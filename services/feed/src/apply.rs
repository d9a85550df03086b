//! Applies events to the read model: those that wait in a partition by one call of one function.

use std::{sync::Arc, time::Duration};

use redis::RedisResult;
use tokio::{runtime::Handle, task::block_in_place, time::sleep};
use tokio_util::sync::CancellationToken;
use tracklore_platform::{
    consumer::{Failure, Handler},
    event::Record,
    time::Timestamp,
    trace::TraceContext,
};

use crate::{
    actors::{Actor, Actors},
    event::{Change, PostChange, Shown},
    library, lists,
    metrics::FRESHNESS,
    positions::{Expected, Offsets, Step, Stored},
    progress::Progress,
    redis::Redis,
};

/// How long a deleted or hidden post and a deleted user are remembered: longer than `posts-events` are kept, so no
/// older event can come after that.
pub const REMEMBER: Duration = Duration::from_hours(8 * 24);
/// How often Redis is asked for the stored offset before the consumer starts without it (and is then sent back).
const OFFSET_ATTEMPTS: u32 = 10;
const OFFSET_PAUSE: Duration = Duration::from_millis(200);

/// Writes one generation of the read model.
#[derive(Clone)]
pub struct ReadModel {
    pub(crate) redis: Redis,
    pub(crate) base: String,
    pub(crate) limits: lists::Limits,
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
    /// Whether changes are news to readers: where the lists are those that are read, and once they have caught up.
    pub progress: Option<Progress>,
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
    /// The topic was made anew; nothing was changed.
    OtherTopic,
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
    /// The read model in `redis` whose keys begin with `base`, with lists of these lengths.
    pub fn new(redis: Redis, base: String, limits: lists::Limits) -> Self {
        Self { redis, base, limits }
    }

    /// Applies a change at `step`, together with the offset.
    pub async fn apply(&self, step: &Step, change: &Change, author: Author<'_>) -> RedisResult<Outcome> {
        Ok(self.apply_all(&[(step, change)], author).await?.1)
    }

    /// Applies changes that follow one another in a partition, together with the offset after the last of them: how many,
    /// and what became of the one after these, or of all. What is expected is what the first step says.
    pub async fn apply_all(
        &self,
        changes: &[(&Step, &Change)],
        author: Author<'_>,
    ) -> RedisResult<(usize, Outcome)> {
        let Some((first, _)) = changes.first() else { return Ok((0, Outcome::Settled)) };
        let mut args = first.from.to_vec();
        for (step, change) in changes {
            let (kind, own) = self.args_of(change, author);
            args.extend_from_slice(&step.to);
            args.extend([kind.to_owned(), own.len().to_string()]);
            args.extend(own);
        }
        let args: Vec<_> = args.iter().map(String::as_bytes).collect();
        let keys = first.keys.each_ref().map(String::as_str);
        let (taken, answer): (usize, String) = library::call(&self.redis, "apply", &keys, &args).await?;
        let outcome = match answer.as_str() {
            "ask" => Outcome::AskForActor,
            "gap" => Outcome::Gap,
            "other" => Outcome::OtherTopic,
            _ => Outcome::Settled,
        };
        Ok((taken, outcome))
    }

    /// The kind of a change, and what the function wants to know of it.
    fn args_of(&self, change: &Change, author: Author<'_>) -> (&'static str, Vec<String>) {
        let remember = REMEMBER.as_millis().to_string();
        match change {
            Change::Post(post) => ("post", self.post_args(post, remember, author)),
            Change::User { id, sequence, username } => (
                "user",
                vec![sequence.to_string(), remember, id.to_string(), username.clone().unwrap_or_default()],
            ),
            Change::Profile { id, sequence, display_name, avatar_url } => (
                "profile",
                vec![sequence.to_string(), id.to_string(), display_name.clone(), avatar_url.clone()],
            ),
            Change::Follow { follower, followee, sequence, follows } => {
                let state = u8::from(*follows).to_string();
                let pair = [follower.to_string(), followee.to_string(), state];
                ("follow", [sequence.to_string(), remember].into_iter().chain(pair).collect())
            }
            Change::Nothing => ("nothing", Vec::new()),
        }
    }

    fn post_args(&self, post: &PostChange, remember: String, author: Author<'_>) -> Vec<String> {
        let mut args =
            vec![post.sequence.to_string(), remember, post.id.to_string(), post.author.to_string()];
        let Some(Shown { audience, created_at, expires_at, body }) = &post.shown else {
            args.push("nobody".to_owned());
            return args;
        };
        args.extend([
            audience.as_str().to_owned(),
            created_at.unix_millis().to_string(),
            created_at.to_string(),
            expires_at.map_or_else(String::new, |at| at.unix_millis().to_string()),
            body.clone(),
            Timestamp::now().unix_millis().to_string(),
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
        // only a trace that is kept is worth its place in the log
        let trace = TraceContext::current().filter(|trace| trace.is_sampled());
        args.push(trace.map_or_else(String::new, |trace| trace.to_string()));
        args
    }
}

impl Applier {
    async fn settle(&self, record: &Record, change: &Change) -> Result<(), Failure> {
        #[cfg(feature = "deliberate-bugs")]
        if self.store_offset_first(record, change).await? {
            return Ok(());
        }
        let step = self.offsets.step(record, self.expected.before(record));
        match self.apply(&step, change).await? {
            Outcome::Settled => {
                self.passed(record, change);
                Ok(())
            }
            Outcome::Gap => {
                self.session.cancel();
                Err(Failure::Retry("Redis stands at another offset, going there".to_owned()))
            }
            Outcome::OtherTopic => Err(self.begin_anew(record).await),
            Outcome::AskForActor => Err(Failure::Retry("the author is not known yet".to_owned())),
        }
    }

    /// Applies it, and asks for the author when Redis doesn't know enough.
    pub(crate) async fn apply(&self, step: &Step, change: &Change) -> Result<Outcome, Failure> {
        let outcome = self.model.apply(step, change, Author::NotAsked).await.map_err(later)?;
        let (Outcome::AskForActor, Change::Post(post)) = (outcome, change) else { return Ok(outcome) };
        let actors = self.actors.ask(&[post.author]).await.map_err(later)?;
        let author = actors.first().map_or(Author::Nobody, Author::Known);
        self.model.apply(step, change, author).await.map_err(later)
    }

    /// Applies the first of these in one call, as far as there is nothing about them that must be looked at; how many.
    async fn apply_ready(&self, records: &[Record]) -> RedisResult<usize> {
        #[cfg(feature = "deliberate-bugs")]
        if tracklore_platform::deliberate::has("offset-before-effect") {
            return Ok(0);
        }
        let Some(first) = records.first() else { return Ok(0) };
        let expected = self.expected.before(first);
        if !expected.parse::<i64>().is_ok_and(|next| next <= first.offset) {
            return Ok(0);
        }
        // a trace that is kept tells of one record
        let untraced = |record: &&Record| !record.trace().is_some_and(TraceContext::is_sampled);
        let change =
            |record: &Record| Some((self.offsets.step(record, expected.clone()), Change::of(record).ok()?));
        let changes: Vec<_> = records.iter().take_while(untraced).map_while(change).collect();
        let steps: Vec<_> = changes.iter().map(|(step, change)| (step, change)).collect();
        let (taken, _) = self.model.apply_all(&steps, Author::NotAsked).await?;
        for (record, (_, change)) in records.iter().zip(&changes).take(taken) {
            self.passed(record, change);
        }
        Ok(taken)
    }

    fn passed(&self, record: &Record, change: &Change) {
        self.expected.passed(record);
        if let Change::Post(_) = change {
            self.tell_freshness(record);
        }
    }

    /// How late a new post is in the lists.
    fn tell_freshness(&self, record: &Record) {
        let is_news = self.progress.as_ref().is_some_and(|progress| !progress.is_catching_up());
        if let (true, Some(at)) = (is_news, record.occurred_at()) {
            let late = Timestamp::now().unix_millis() - at.unix_millis();
            metrics::histogram!(FRESHNESS.name)
                .record(Duration::from_millis(u64::try_from(late).unwrap_or_default()));
        }
    }

    /// The topic isn't the one that the offsets are of.
    async fn begin_anew(&self, record: &Record) -> Failure {
        if let Err(error) = self.offsets.restart(&record.topic).await {
            return later(error);
        }
        self.session.cancel();
        Failure::Retry("the topic was made anew, reading it from its beginning".to_owned())
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
    async fn handle_ready(&self, records: &[Record]) -> usize {
        self.apply_ready(records).await.unwrap_or_else(|error| {
            // the first of them will say so again, by itself
            tracing::debug!(%error, "events are applied one by one");
            0
        })
    }

    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        match self.expected.before(record).parse::<i64>() {
            // the one before the offset: only to see that it is still the same
            Ok(next) if record.offset + 1 == next => return self.settle(record, &Change::Nothing).await,
            // nobody asked for this one: the partition ends before the offset
            Ok(next) if record.offset + 1 < next => return Err(self.begin_anew(record).await),
            _ => {}
        }
        self.settle(record, &Change::of(record)?).await
    }

    async fn buried(&self, record: &Record) {
        if let Err(failure) = self.settle(record, &Change::Nothing).await {
            // the next record of the partition goes on from the same stored offset
            tracing::warn!(?failure, "the offset after a dead letter is not stored yet");
        }
    }

    /// Without a stored offset from the beginning (0 is before the first record there is): the group's offset is that
    /// of a Redis that is no more. Else from the record before it: if another one stands there now, the topic was made
    /// anew. (If it was compacted away, or the new topic is shorter, what comes next is taken as it is.)
    fn start_offset(&self, topic: &str, partition: i32) -> Option<i64> {
        let stored = block_in_place(|| Handle::current().block_on(self.stored_offset(topic, partition)));
        self.expected.assigned(topic, partition, stored);
        let offset = if let Stored::Offset(offset) = stored { (offset - 1).max(0) } else { 0 };
        tracing::info!(topic, partition, offset, "reading on from what Redis has");
        Some(offset)
    }
}

fn later(error: impl std::error::Error) -> Failure {
    Failure::Retry(tracklore_platform::problem::Chain(&error).to_string())
}
