//! Administration on the command line, with the same rules as over HTTP; the services hear of it through the outbox
//! of the program that serves.

use rand::distr::{Alphanumeric, SampleString};
use sqlx::PgPool;
use tracklore_platform::{
    args::DatabaseArgs,
    database::{self, DatabaseError},
    id::UserId,
    time::Timestamp,
    token::SCOPES,
};

use crate::{
    account::{Account, Status, normalize_email},
    administration::{self, Done},
    keys,
    store::accounts,
};

const SECRET_LENGTH: usize = 48;

/// An account.
#[derive(clap::Args, Clone, Debug)]
pub struct AccountArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Its username, e-mail address or id.
    account: String,
}

/// An account and a scope.
#[derive(clap::Args, Clone, Debug)]
pub struct GrantArgs {
    #[command(flatten)]
    account: AccountArgs,
    /// The scope.
    #[arg(value_parser = SCOPES)]
    scope: String,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A database setting is wrong.
    #[error(transparent)]
    Settings(#[from] DatabaseError),
    /// The database failed.
    #[error("the database can't be used")]
    Database(#[from] sqlx::Error),
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(String),
    /// No key could be made.
    #[error("no key could be made: {0}")]
    Key(String),
}

/// `grant`
pub async fn grant(args: &GrantArgs) -> Result<(), CommandError> {
    let (pool, account) = args.account.find().await?;
    let done = administration::grant(&pool, account.id, &args.scope, None, Timestamp::now()).await?;
    args.account.say(done, &format!("has {} now, in tokens made from now on", args.scope))
}

/// `revoke`
pub async fn revoke(args: &GrantArgs) -> Result<(), CommandError> {
    let (pool, account) = args.account.find().await?;
    let done = administration::revoke(&pool, account.id, &args.scope, None, Timestamp::now()).await?;
    args.account.say(done, &format!("doesn't have {} any more", args.scope))
}

/// `suspend`
pub async fn suspend(args: &AccountArgs) -> Result<(), CommandError> {
    args.set_status(Status::Suspended, "is suspended").await
}

/// `resume`
pub async fn resume(args: &AccountArgs) -> Result<(), CommandError> {
    args.set_status(Status::Active, "can be used").await
}

/// A secret that nobody guesses, for `client`.
pub fn new_secret() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), SECRET_LENGTH)
}

/// `keys`: the key to standard output, what to do with it to standard error.
pub fn print_key() -> Result<(), CommandError> {
    let (name, pem) =
        keys::generate(Timestamp::now()).map_err(|error| CommandError::Key(error.to_string()))?;
    print!("{pem}");
    eprintln!("Put this into the folder of the signing keys as {name}.");
    Ok(())
}

impl AccountArgs {
    async fn find(&self) -> Result<(PgPool, Account), CommandError> {
        let pool = database::pool(&self.database)?;
        let found = match self.account.parse::<UserId>() {
            // usernames begin with a letter
            Ok(id) => accounts::by_id(&pool, id).await?,
            Err(_) => accounts::credentials(&pool, &self.account, &normalize_email(&self.account))
                .await?
                .map(|found| found.account),
        };
        let found = found.filter(|account| account.status != Status::Deleted);
        Ok((pool, found.ok_or_else(|| self.no_account())?))
    }

    async fn set_status(&self, status: Status, now_it: &str) -> Result<(), CommandError> {
        let (pool, account) = self.find().await?;
        let anyway = |_: &Account, _: &[String]| Ok::<_, CommandError>(());
        let now = Timestamp::now();
        let done = administration::set_status(&pool, account.id, status, None, now, anyway).await?;
        self.say(done, now_it)
    }

    fn say(&self, done: Option<Done>, now_it: &str) -> Result<(), CommandError> {
        let done = done.ok_or_else(|| self.no_account())?;
        println!(
            "{} ({}) {now_it}. Sessions ended: {}.",
            done.account.username,
            done.account.id,
            done.ended.len()
        );
        Ok(())
    }

    fn no_account(&self) -> CommandError {
        CommandError::NoAccount(self.account.clone())
    }
}
