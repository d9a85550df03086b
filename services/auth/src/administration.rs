//! What administrators do to accounts, by HTTP and on the command line alike. Each in one transaction with its events;
//! what takes something away also ends the account's sessions, so that it holds everywhere within a second.

use sqlx::PgPool;
use tracklore_platform::{id::UserId, outbox, time::Timestamp};
use uuid::Uuid;

use crate::{
    SERVICE,
    account::{Account, Status},
    store::{
        administration,
        audit::{self, Entry, What},
        grants,
        sessions::{self, Reason},
    },
};

/// What became of it.
#[derive(Debug)]
pub struct Done {
    /// The account after it.
    pub account: Account,
    /// Sessions that ended.
    pub ended: Vec<Uuid>,
}

/// Suspends the account or lets it be used again; none when there is no such account. `allowed` sees it first, locked.
pub async fn set_status<E: From<sqlx::Error>>(
    pool: &PgPool,
    id: UserId,
    status: Status,
    by: Option<UserId>,
    now: Timestamp,
    allowed: impl FnOnce(&Account, &[String]) -> Result<(), E>,
) -> Result<Option<Done>, E> {
    let mut tx = pool.begin().await?;
    let Some(account) = administration::lock(&mut tx, id).await? else { return Ok(None) };
    allowed(&account, &grants::of(&mut *tx, id).await?)?;
    if account.status == status {
        return Ok(Some(Done { account, ended: Vec::new() }));
    }
    let (account, sequence) = administration::set_status(&mut tx, id, status, now).await?;
    let (r#type, what, ended) = match status {
        Status::Active => ("tracklore.user.updated.v1", What::Resumed, Vec::new()),
        Status::Suspended | Status::Deleted => {
            let ended = sessions::end_all(&mut tx, id, None, Reason::Suspended, now).await?;
            ("tracklore.user.suspended.v1", What::Suspended, ended)
        }
    };
    outbox::append(&mut tx, SERVICE, &account.event(r#type, sequence, now)).await?;
    audit::append(&mut tx, &Entry::of(id, what).actor(by), now).await?;
    tx.commit().await?;
    tracing::info!(user = %id, ?status, "an account's status was changed");
    Ok(Some(Done { account, ended }))
}

/// Grants a scope; tokens made from then on have it. None when there is no such account.
pub async fn grant(
    pool: &PgPool,
    id: UserId,
    scope: &str,
    by: Option<UserId>,
    now: Timestamp,
) -> Result<Option<Done>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let Some(account) = administration::lock(&mut tx, id).await? else { return Ok(None) };
    grants::insert(&mut *tx, id, scope, by, now).await?;
    audit::append(&mut tx, &about(id, What::ScopeGranted, scope, by), now).await?;
    tx.commit().await?;
    tracing::info!(user = %id, scope, by = ?by.map(UserId::get), "scope granted");
    Ok(Some(Done { account, ended: Vec::new() }))
}

/// Takes a scope away, and ends the sessions whose tokens have it. None when there is no such account.
pub async fn revoke(
    pool: &PgPool,
    id: UserId,
    scope: &str,
    by: Option<UserId>,
    now: Timestamp,
) -> Result<Option<Done>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let Some(account) = administration::lock(&mut tx, id).await? else { return Ok(None) };
    let ended = if grants::delete(&mut *tx, id, scope).await? {
        audit::append(&mut tx, &about(id, What::ScopeRevoked, scope, by), now).await?;
        sessions::end_all(&mut tx, id, None, Reason::ScopeRevoked, now).await?
    } else {
        Vec::new()
    };
    tx.commit().await?;
    tracing::info!(user = %id, scope, "scope taken away");
    Ok(Some(Done { account, ended }))
}

fn about(id: UserId, what: What, scope: &str, by: Option<UserId>) -> Entry {
    Entry::of(id, what).actor(by).detail(serde_json::json!({"scope": scope}))
}
