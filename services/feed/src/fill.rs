//! Fills lists from the posts service: those that events alone don't (any more) make complete, because nobody needed
//! them for long, because more was deleted than they keep, or because Redis was emptied and the topic holds only the
//! last days.
//!
//! A snapshot and the log don't race: a list's floor changes when a post comes that a snapshot may not have seen, and
//! then the snapshot isn't taken.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::{RedisError, RedisResult, Value, from_redis_value};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};
use tracklore_platform::{id::UserId, problem::Chain, service_client::CallError, time::Timestamp};

use crate::{
    actors::Actors,
    apply::{REMEMBER, ReadModel},
    event::{PostChange, Shown},
    library,
    lists::List,
    page,
    posts::Posts,
    redis::Redis,
    upkeep::IDLE,
};

/// Lists that are filled at the same time.
const SLOTS: usize = 8;
/// Lists that are filled or wait for it; further ones are left to later requests.
const WAITING: usize = 2_000;
/// How often a list is begun anew because it changed under the snapshot.
const ATTEMPTS: u32 = 5;
/// An empty list is kept for so long, unless somebody follows its author: anybody can ask for any number.
const KEEP_EMPTY: Duration = Duration::from_hours(1);

/// Fills lists, each at most once at a time.
#[derive(Clone)]
pub struct Filler {
    sources: Arc<Sources>,
    running: Arc<Mutex<HashMap<List, watch::Receiver<()>>>>,
    slots: Arc<Semaphore>,
}

/// From where to where.
pub struct Sources {
    /// The read model.
    pub redis: Redis,
    /// Has the posts.
    pub posts: Posts,
    /// Knows their authors.
    pub actors: Actors,
    /// How long lists are.
    pub limits: crate::lists::Limits,
}

/// Why a list can't be filled now.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// Redis failed.
    #[error("Redis can't be written")]
    Redis(#[from] RedisError),
    /// A neighbour failed.
    #[error("a snapshot can't be had")]
    Call(#[from] CallError),
    /// The list changed all the time.
    #[error("the list changes faster than it can be filled")]
    Busy,
}

/// Down to where a list is complete: the key of a post, or [`BOTTOM`].
pub type Floor = (i64, String);
/// Below everything.
pub const BOTTOM: i64 = -1;

impl Filler {
    /// Fills from `sources`.
    pub fn new(sources: Sources) -> Self {
        Self { sources: Arc::new(sources), running: Arc::default(), slots: Arc::new(Semaphore::new(SLOTS)) }
    }

    /// Sees to it that these lists are filled, and waits for it for at most `patience`; it goes on without the caller.
    pub async fn fill(&self, lists: impl IntoIterator<Item = List>, patience: Duration) {
        let fills: Vec<_> = lists.into_iter().filter_map(|list| self.begin(list)).collect();
        let all = async {
            for mut fill in fills {
                // an error is the end, too
                drop(fill.changed().await);
            }
        };
        drop(timeout(patience, all).await);
    }

    /// Tells when the list is filled, or can't be.
    fn begin(&self, list: List) -> Option<watch::Receiver<()>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fill) = running.get(&list) {
            return Some(fill.clone());
        }
        if running.len() >= WAITING {
            return None;
        }
        let (done, fill) = watch::channel(());
        running.insert(list, fill.clone());
        let this = self.clone();
        tokio::spawn(async move {
            let _slot = this.slots.acquire().await;
            if let Err(error) = this.sources.fill(list).await {
                tracing::warn!(error = %Chain(&error), list = list.name(), "a list can't be filled");
            }
            this.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&list);
            drop(done);
        });
        Some(fill)
    }
}

impl Sources {
    /// Fills a list of the generation that is read.
    pub async fn fill(&self, list: List) -> Result<(), FillError> {
        let base = page::generation(&self.redis).await?;
        let model = ReadModel::new(self.redis.clone(), base, self.limits);
        self.fill_in(&model, list).await
    }

    /// Fills a list of a generation.
    pub async fn fill_in(&self, model: &ReadModel, list: List) -> Result<(), FillError> {
        for _ in 0..ATTEMPTS {
            if self.attempt(model, list).await? {
                return Ok(());
            }
        }
        Err(FillError::Busy)
    }

    /// Fills page by page from the newest on; false when the list changed under it.
    async fn attempt(&self, model: &ReadModel, list: List) -> Result<bool, FillError> {
        let (mut cursor, mut reached) = (None::<String>, None::<Floor>);
        loop {
            let (is_short, floor) = model.begin_fill(list).await?;
            if !is_short {
                return Ok(true);
            }
            // the pages so far and the list must join
            if reached.as_ref().is_some_and(|reached| parse(&floor).is_none_or(|floor| floor > *reached)) {
                return Ok(false);
            }
            let snapshot = self.posts.newest(list, cursor.as_deref()).await?;
            let oldest = snapshot.posts.iter().rev().find_map(|post| Some((post.shown.as_ref()?, post.id)));
            let bottom = match (&snapshot.next, oldest) {
                (Some(_), Some((shown, id))) => (shown.created_at.unix_millis(), id.to_string()),
                _ => (BOTTOM, String::new()),
            };
            if !self.put(model, list, &floor, &bottom, &snapshot.posts).await? {
                return Ok(false);
            }
            if snapshot.next.is_none() {
                return Ok(true);
            }
            (cursor, reached) = (snapshot.next, Some(bottom));
        }
    }

    /// Puts a page into the list; false when the list isn't what the page was fetched for.
    async fn put(
        &self,
        model: &ReadModel,
        list: List,
        floor: &str,
        bottom: &Floor,
        posts: &[PostChange],
    ) -> Result<bool, FillError> {
        loop {
            let answer = model.fill(list, floor, bottom, posts).await?;
            let (word, ids) =
                answer.split_first().map_or(("", [].as_slice()), |(word, ids)| (word.as_str(), ids));
            if word != "ask" {
                return Ok(word == "filled");
            }
            let mut ids: Vec<UserId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
            ids.sort_unstable();
            ids.dedup();
            for ids in ids.chunks(100) {
                let known = self.actors.ask(ids).await?;
                model.learn(ids, &known).await?;
            }
        }
    }
}

fn parse(floor: &str) -> Option<Floor> {
    let (score, rest) = floor.split_once(':')?;
    let (id, _missed) = rest.split_once(':')?;
    Some((score.parse().ok()?, id.to_owned()))
}

impl ReadModel {
    /// Whether posts may be missing, and the floor: to be asked before a snapshot.
    pub async fn begin_fill(&self, list: List) -> RedisResult<(bool, String)> {
        let (author, shown) = (list.author(), self.limits.shown(list).to_string());
        let args = [list.kind(), &author, &shown].map(str::as_bytes);
        let (is_short, floor): (u8, String) =
            library::call(&self.redis, "begin_fill", &[&self.base], &args).await?;
        Ok((is_short == 1, floor))
    }

    /// Puts posts of a snapshot into a list that is then complete down to the new floor: `filled`, or `moved` when its
    /// floor isn't `floor` any more, or `ask` and the ids of authors who aren't known.
    pub async fn fill(
        &self,
        list: List,
        floor: &str,
        (score, id): &Floor,
        posts: &[PostChange],
    ) -> RedisResult<Vec<String>> {
        let now = Timestamp::now().unix_millis();
        let kept_unused = IDLE.saturating_sub(KEEP_EMPTY).as_millis();
        let mut args = vec![
            list.kind().to_owned(),
            list.author(),
            floor.to_owned(),
            score.to_string(),
            id.clone(),
            self.limits.keep_global.to_string(),
            self.limits.keep_user.to_string(),
            now.to_string(),
            (now - i64::try_from(kept_unused).unwrap_or_default()).to_string(),
        ];
        for post in posts {
            let Some(Shown { audience, created_at, expires_at, body }) = &post.shown else { continue };
            args.extend([
                post.id.to_string(),
                post.sequence.to_string(),
                post.author.to_string(),
                audience.as_str().to_owned(),
                created_at.unix_millis().to_string(),
                created_at.to_string(),
                expires_at.map_or_else(String::new, |at| at.unix_millis().to_string()),
                body.clone(),
            ]);
        }
        let args: Vec<_> = args.iter().map(String::as_bytes).collect();
        let answer: Value = library::call(&self.redis, "fill", &[&self.base], &args).await?;
        Ok(from_redis_value(answer)?)
    }

    /// Stores who these users are; those who aren't among `known` don't exist.
    pub async fn learn(&self, ids: &[UserId], known: &[crate::actors::Actor]) -> RedisResult<()> {
        let mut args = vec![REMEMBER.as_millis().to_string()];
        for id in ids {
            let actor = known.iter().find(|actor| actor.id == *id);
            let values = actor.map(|actor| [&actor.username, &actor.display_name, &actor.avatar_url]);
            args.push(id.to_string());
            args.extend(values.map_or_else(Default::default, |values| values.map(String::clone)));
        }
        let args: Vec<_> = args.iter().map(String::as_bytes).collect();
        library::call(&self.redis, "actors", &[&self.base], &args).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_compare_by_time_then_by_post() {
        assert_eq!(parse(""), None);
        assert_eq!(parse("-1::0"), Some((BOTTOM, String::new())));
        assert!(parse("5:b:9") > parse("5:a:0") && parse("5:a:0") > parse("-1::3"));
    }
}
