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
    /// Who.
    pub id: UserId,
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
struct Question<'a> {
    ids: &'a [UserId],
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

    /// The users with these ids, at most 100; without those that don't exist (any more).
    pub async fn ask(&self, ids: &[UserId]) -> Result<Vec<Actor>, CallError> {
        let answer: Option<Answer> = self.0.ask("/internal/v1/profiles:batch", &Question { ids }).await?;
        Ok(answer.map(|answer| answer.items).unwrap_or_default())
    }
}
