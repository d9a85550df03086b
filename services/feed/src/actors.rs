//! Who a user is, when Redis doesn't know it yet: asked of the user service, so that an activity is complete the first
//! time that anybody sees it.

use serde::{Deserialize, Serialize};
use tracklore_platform::{
    id::UserId,
    service_client::{CallError, ServiceClient},
};

use crate::event::json_text;

/// Asks the user service.
#[derive(Clone)]
pub struct Actors(ServiceClient);

/// A user's name and profile, each value as JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Actor {
    #[serde(rename = "id")]
    _id: UserId,
    /// The username.
    #[serde(deserialize_with = "json_text")]
    pub username: String,
    /// The display name or null.
    #[serde(deserialize_with = "json_text")]
    pub display_name: String,
    /// The avatar's URL or null.
    #[serde(deserialize_with = "json_text")]
    pub avatar_url: String,
}

#[derive(Serialize)]
struct Question {
    ids: [UserId; 1],
}

#[derive(Deserialize)]
struct Answer {
    items: Vec<Actor>,
}

impl Actors {
    /// Asks through `client`.
    pub fn new(client: ServiceClient) -> Self {
        Self(client)
    }

    /// The user; `None` when there is no such user (any more).
    pub async fn ask(&self, id: UserId) -> Result<Option<Actor>, CallError> {
        let answer: Option<Answer> =
            self.0.ask("/internal/v1/profiles:batch", &Question { ids: [id] }).await?;
        Ok(answer.and_then(|answer| answer.items.into_iter().next()))
    }
}
