//! Finds profiles: in the database, and where the account isn't known yet by asking auth, so that everything works at
//! once after sign-up, however far behind the events are. What is known is served while auth is away.

use std::collections::HashMap;

use sqlx::PgPool;
use tracklore_platform::{id::UserId, time::Timestamp};

use crate::{
    auth::Auth,
    domain::{Account, Profile, ProfileCard, Status},
    error::Error,
    store::{
        profiles::{self, Lookup},
        references,
    },
};

/// Profiles by id and by name.
#[derive(Clone)]
pub struct Directory {
    pool: PgPool,
    auth: Auth,
}

impl Directory {
    /// A directory of this database that asks this auth.
    pub fn new(pool: PgPool, auth: Auth) -> Self {
        Self { pool, auth }
    }

    /// How the account of this user stands; `None` for unknown ones.
    pub async fn status(&self, id: UserId) -> Result<Option<Status>, Error> {
        if let Some(status) = references::status(&self.pool, id).await? {
            return Ok(Some(status));
        }
        let Some(account) = self.auth.by_id(id).await? else { return Ok(None) };
        let status = account.status;
        references::learn(&self.pool, answered(account)?).await?;
        Ok(Some(status))
    }

    /// 404 unless the user is there to be seen: not unknown, not deleted, not suspended.
    pub async fn require(&self, id: UserId) -> Result<(), Error> {
        match self.status(id).await? {
            Some(Status::Active) => Ok(()),
            Some(Status::Suspended | Status::Deleted) | None => Err(Error::NoSuchUser),
        }
    }

    /// 404 if the user is unknown or deleted; a suspended one can still be unfollowed and blocked.
    pub async fn require_account(&self, id: UserId) -> Result<(), Error> {
        match self.status(id).await? {
            Some(Status::Active | Status::Suspended) => Ok(()),
            Some(Status::Deleted) | None => Err(Error::NoSuchUser),
        }
    }

    /// The profile of this user; `None` for unknown, suspended and deleted ones.
    pub async fn profile(&self, id: UserId) -> Result<Option<Profile>, Error> {
        match profiles::find(&self.pool, id).await? {
            Lookup::Here(profile) => Ok(Some(*profile)),
            Lookup::Suspended(_) | Lookup::Deleted => Ok(None),
            Lookup::Unknown => match self.auth.by_id(id).await? {
                Some(account) => self.introduce(account).await,
                None => Ok(None),
            },
        }
    }

    /// The profile of the user with this name (in any case), if there is one.
    pub async fn by_username(&self, username: &str) -> Result<Option<Profile>, Error> {
        let mut known = profiles::find_by_username(&self.pool, username).await?;
        match (known.pop(), known.is_empty()) {
            (Some(only), true) => Ok(Some(only)),
            // nobody yet; or two while the events of a name that passed from one to the other are under way
            _ => match self.auth.by_username(username).await? {
                Some(account) => self.introduce(account).await,
                None => Ok(None),
            },
        }
    }

    /// The cards of those of these users that exist, in this order.
    pub async fn cards(&self, ids: &[UserId]) -> Result<Vec<ProfileCard>, Error> {
        let mut known = profiles::find_many(&self.pool, ids).await?;
        let mut missing: Vec<_> = ids.iter().copied().filter(|id| !known.contains_key(id)).collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            for account in self.auth.by_ids(&missing).await? {
                references::learn(&self.pool, answered(account)?).await?;
            }
            known.extend(profiles::find_many(&self.pool, &missing).await?);
        }
        let cards: HashMap<_, _> =
            known.into_iter().filter_map(|(id, found)| Some((id, card(found)?))).collect();
        Ok(ids.iter().filter_map(|id| cards.get(id).cloned()).collect())
    }

    /// Takes in an account that auth told of, and answers its profile under the name that auth says it has now.
    async fn introduce(&self, account: Account) -> Result<Option<Profile>, Error> {
        let reference = answered(account)?;
        let (id, username) = (reference.id, reference.username.clone());
        references::learn(&self.pool, reference).await?;
        Ok(match (profiles::find(&self.pool, id).await?, username) {
            (Lookup::Here(profile), Some(username)) => Some(Profile { username, ..*profile }),
            _ => None,
        })
    }
}

fn answered(account: Account) -> Result<crate::domain::Reference, Error> {
    // no event: any event outdates it
    Ok(account.reference(0, Timestamp::now())?)
}

fn card(found: Lookup) -> Option<ProfileCard> {
    match found {
        // a suspended user's posts still stand beside a name
        Lookup::Here(profile) | Lookup::Suspended(profile) => Some((*profile).into()),
        Lookup::Deleted | Lookup::Unknown => None,
    }
}
