//! Questions to auth, which owns the accounts.

use serde::{Deserialize, Serialize};
use tracklore_platform::{
    id::UserId,
    service_client::{CallError, ServiceClient},
};

use crate::domain::Account;

/// Auth's internal API.
#[derive(Clone)]
pub struct Auth(pub ServiceClient);

#[derive(Deserialize)]
struct Accounts {
    items: Vec<Account>,
}

#[derive(Serialize)]
struct Batch<'a> {
    ids: &'a [UserId],
}

impl Auth {
    /// The account with this id.
    pub async fn by_id(&self, id: UserId) -> Result<Option<Account>, CallError> {
        self.0.get(&format!("/internal/v1/users/{id}")).await
    }

    /// The account with this name, which must look like one.
    pub async fn by_username(&self, username: &str) -> Result<Option<Account>, CallError> {
        let answer: Option<Accounts> = self.0.get(&format!("/internal/v1/users?username={username}")).await?;
        Ok(answer.and_then(|accounts| accounts.items.into_iter().next()))
    }

    /// Those of these accounts that exist.
    pub async fn by_ids(&self, ids: &[UserId]) -> Result<Vec<Account>, CallError> {
        let answer: Option<Accounts> = self.0.ask("/internal/v1/users:batch", &Batch { ids }).await?;
        Ok(answer.map_or_else(Vec::new, |accounts| accounts.items))
    }
}
