//! `republish`: the full history of `user-events` once more, from the tables, for a topic that was lost or a consumer that
//! begins anew; and the ends of sessions for as long as their tokens could be good.

use tracklore_platform::{
    args::DatabaseArgs,
    database::{self, DatabaseError},
    outbox,
    time::Timestamp,
    token::MAX_TOKEN_LIFE,
};

use crate::store;

/// Settings of `republish`.
#[derive(clap::Args, Clone, Debug)]
pub struct RepublishArgs {
    /// This service's database; the events leave through the relay of the service that runs on it.
    #[command(flatten)]
    database: DatabaseArgs,
    /// Only accounts that changed at or after this time, such as 2026-11-20T09:30:00Z; all if left out.
    #[arg(long)]
    since: Option<Timestamp>,
}

/// Why it ended early. What was written by then leaves all the same; doing it again does no harm.
#[derive(Debug, thiserror::Error)]
pub enum RepublishError {
    /// A database setting is wrong.
    #[error(transparent)]
    Settings(#[from] DatabaseError),
    /// The database failed.
    #[error("events can't be written")]
    Database(#[from] sqlx::Error),
}

/// Puts the present state of every account into the outbox once more, and says how many.
pub async fn run(args: &RepublishArgs) -> Result<(), RepublishError> {
    let pool = database::pool(&args.database)?;
    let since = args.since.unwrap_or_else(|| Timestamp::from_unix_millis(0));
    let (mut after, mut accounts) = (None, 0);
    while let Some((last, more)) = store::republish::batch(&pool, after, since).await? {
        (after, accounts) = (Some(last), accounts + more);
    }
    // nobody needs to hear of the end of a session whose tokens have all expired
    let sessions =
        outbox::republish(&pool, since.max(Timestamp::now().minus(MAX_TOKEN_LIFE)), Some("session"));
    println!("accounts: {accounts}, ends of sessions: {}; they will be sent again", sessions.await?);
    Ok(())
}
