//! What the posts service has: asked for when events alone don't tell it (any more).

use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use tracklore_platform::service_client::{CallError, ServiceClient};

use crate::{event::PostChange, lists::List};

/// How many posts are asked for at once.
pub const PAGE: usize = 200;

/// Asks the posts service.
#[derive(Clone)]
pub struct Posts(ServiceClient);

/// Some posts, newest first.
#[derive(Debug)]
pub struct Snapshot {
    /// The posts.
    pub posts: Vec<PostChange>,
    /// Where the next ones are, when there are more.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    items: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

impl Posts {
    /// Asks through `client`.
    pub fn new(client: ServiceClient) -> Self {
        Self(client)
    }

    /// The newest posts that belong into `list`, from where `before` says.
    pub async fn newest(&self, list: List, before: Option<&str>) -> Result<Snapshot, CallError> {
        let which = match list {
            List::Global => "visibility=public".to_owned(),
            List::User(id) => format!("visibility=public&author_id={id}"),
            List::Circle(id) => format!("author_id={id}"),
        };
        let before = before.map(|cursor| format!("&before={cursor}")).unwrap_or_default();
        let path = format!("/internal/v1/posts?{which}&limit={PAGE}{before}");
        let answer: Option<Answer> = self.0.get(&path).await?;
        let Some(Answer { items, next_cursor }) = answer else {
            // a list without posts is an answer; not to know the question is none
            return Err(CallError::Refused { service: "posts", status: StatusCode::NOT_FOUND });
        };
        let readable = |item: Box<RawValue>| match PostChange::of_resource(item.get()) {
            Ok(post) => Some(post),
            Err(error) => {
                tracing::error!(%error, "a post of the snapshot can't be read, left out");
                None
            }
        };
        Ok(Snapshot { posts: items.into_iter().filter_map(readable).collect(), next: next_cursor })
    }
}
