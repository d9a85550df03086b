//! What requests work with.

use std::{sync::Arc, time::Duration};

use axum::response::Response;
use http::{HeaderMap, HeaderValue};
use tracklore_platform::{
    cursor,
    id::UserId,
    page::PageQuery,
    time::Timestamp,
    token::{HasVerifier, RemoteKeys, Verifier},
};

use crate::{
    error::Error,
    fill::Filler,
    front::Front,
    home,
    lists::{Limits, List},
    live::connection::Live,
    page::{self, Page},
    progress::Progress,
    redis::Redis,
    upkeep,
};

/// How long a reader waits for posts that have to be fetched first; after that, what is there has to do.
const PATIENCE: Duration = Duration::from_millis(800);

/// Shared by all requests.
#[derive(Clone)]
pub struct AppState {
    /// The read model.
    pub redis: Redis,
    /// What of it is at hand.
    pub front: Front,
    /// Completes lists.
    pub filler: Filler,
    /// How complete it is.
    pub progress: Progress,
    /// Live connections.
    pub live: Live,
    /// From where browsers may open `WebSocket`s.
    pub allowed_origins: Arc<[HeaderValue]>,
    /// Checks tokens.
    pub verifier: Verifier<RemoteKeys>,
}

impl HasVerifier for AppState {
    type Keys = RemoteKeys;

    fn verifier(&self) -> &Verifier<RemoteKeys> {
        &self.verifier
    }
}

impl AppState {
    /// Answers the page of a list that `query` asks for, or 304 when the client has it.
    pub async fn list(&self, request: &HeaderMap, list: List, query: &PageQuery) -> Result<Response, Error> {
        let name = list.name();
        let (limit, after) = (query.limit()?, query.after(&name)?);
        let is_front = list == List::Global && after.is_none();
        if is_front && let Some(page) = self.front.page(limit) {
            return Ok(page.answer(request, self.progress.is_catching_up()));
        }
        let look = is_front.then(|| self.front.look());
        let read =
            || page::read(&self.redis, list, Limits::default().shown(list), limit, after, Timestamp::now());
        let mut rows = read().await?;
        if rows.is_short {
            self.filler.fill([list], PATIENCE).await;
            rows = read().await?;
        }
        if let (true, List::User(author)) = (rows.touch, list) {
            upkeep::touch(&self.redis, author).await?;
        }
        let next = rows.next.map(|key| cursor::encode(&name, &key));
        let page = Page::new(&rows.items, next.as_deref());
        if let Some(look) = look.filter(|_| !rows.is_short) {
            self.front.keep(look, limit, &page, rows.ends_at);
        }
        Ok(page.answer(request, rows.is_short || self.progress.is_catching_up()))
    }

    /// Answers the page of a reader's home feed that `query` asks for, or 304 when the client has it.
    pub async fn home(
        &self,
        request: &HeaderMap,
        reader: UserId,
        query: &PageQuery,
    ) -> Result<Response, Error> {
        let name = format!("home:{reader}");
        let (limit, after) = (query.limit()?, query.after(&name)?);
        let read = || home::read(&self.redis, reader, limit, after, Timestamp::now());
        let mut rows = read().await?;
        if !rows.missing.is_empty() {
            self.filler.fill(rows.missing.drain(..).map(List::Circle), PATIENCE).await;
            rows = read().await?;
        }
        let next = rows.next.map(|key| cursor::encode(&name, &key));
        let catching_up = !rows.missing.is_empty() || self.progress.is_catching_up();
        Ok(Page::new(&rows.items, next.as_deref()).answer(request, catching_up))
    }
}
