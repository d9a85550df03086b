//! The caller's own account.

pub mod change;
pub mod delete;
pub mod events;
pub mod export;
pub mod read;

use sqlx::PgConnection;
use tracklore_platform::{etag::ETag, time::Timestamp};

use super::OwnAccount;
use crate::{account::Account, store::changes};

/// The account as its owner sees it, with its tag.
async fn own(
    connection: &mut PgConnection,
    account: Account,
    now: Timestamp,
) -> Result<(OwnAccount, ETag), sqlx::Error> {
    let pending_email = changes::wanted_email(connection, account.id, now).await?;
    let own = OwnAccount { pending_email, ..account.into() };
    let tag = ETag::of_bytes(&serde_json::to_vec(&own).unwrap_or_default());
    Ok((own, tag))
}
