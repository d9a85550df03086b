//! The first administrator, from configuration: made or appointed at the start, as long as there is no other. Who
//! merely took the configured name or address before gets nothing: the configured password must be theirs, or the
//! address proven to be.

use std::{net::Ipv4Addr, time::Duration};

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tracklore_platform::{
    cli,
    client_address::ClientAddress,
    id::UserId,
    outbox,
    problem::{Chain, Problem},
    time::Timestamp,
    token::{Scope, UsersAdmin},
};

use crate::{
    SERVICE,
    account::{Candidate, Status, normalize_password},
    error::Error,
    state::AppState,
    store::{
        accounts::{self, Credentials, New},
        administration,
        audit::{self, Entry, What},
        grants,
    },
};

const RETRY: Duration = Duration::from_secs(2);

/// Settings.
#[derive(clap::Args, Clone, Debug)]
pub struct FirstAdminArgs {
    /// Username of the first administrator. The account is made, or appointed if it is there with the same address and
    /// password, when the service starts and nobody has the scope `users:admin`.
    #[arg(
        id = "first_admin_username",
        long = "first-admin-username",
        env = "TRACKLORE_FIRST_ADMIN_USERNAME",
        requires = "first_admin_email"
    )]
    username: Option<String>,
    /// E-mail address of the first administrator.
    #[arg(
        id = "first_admin_email",
        long = "first-admin-email",
        env = "TRACKLORE_FIRST_ADMIN_EMAIL",
        requires = "first_admin_password"
    )]
    email: Option<String>,
    /// Password of the first administrator; to be changed after the first log-in.
    #[arg(id = "first_admin_password", long = "first-admin-password", env = "TRACKLORE_FIRST_ADMIN_PASSWORD", hide_env_values = true, value_parser = cli::secret,
          requires = "first_admin_username")]
    password: Option<SecretString>,
}

/// Who it shall be.
pub struct FirstAdmin {
    username: String,
    email: String,
    password: SecretString,
}

/// What became of it.
enum Outcome {
    NotNeeded,
    Made(UserId),
    Appointed(UserId),
    /// Somebody else has the name or the address.
    Taken,
}

impl FirstAdminArgs {
    /// Who it shall be, if anybody.
    pub fn wanted(&self) -> Option<FirstAdmin> {
        Some(FirstAdmin {
            username: self.username.clone()?,
            email: self.email.clone()?,
            password: self.password.clone()?,
        })
    }
}

/// Sees to it, however long the database is away.
pub async fn run(state: AppState, first: FirstAdmin, stop: CancellationToken) {
    loop {
        match ensure(&state, &first).await {
            Ok(Outcome::NotNeeded) => tracing::info!("there is an administrator"),
            Ok(Outcome::Made(user)) => tracing::info!(%user, "the first administrator was made"),
            Ok(Outcome::Appointed(user)) => tracing::info!(%user, "the first administrator was appointed"),
            Ok(Outcome::Taken) => tracing::error!(
                "there is no administrator: somebody else has the configured username or address. Configure another \
                 one, or use `tracklore-auth grant`"
            ),
            Err(error) => {
                let away = matches!(&error, Error::Database(error) if tracklore_platform::database::is_unavailable(error));
                if away {
                    tracing::warn!(error = %Chain(&error), "the first administrator waits for the database");
                    if stop.run_until_cancelled(tokio::time::sleep(RETRY)).await.is_some() {
                        continue;
                    }
                } else {
                    tracing::error!(reason = %reason(&error), "there is no administrator");
                }
            }
        }
        return;
    }
}

async fn ensure(state: &AppState, first: &FirstAdmin) -> Result<Outcome, Error> {
    let mut tx = state.pool.begin().await?;
    administration::lock_first_administrator(&mut *tx).await?;
    if grants::is_held(&mut *tx, UsersAdmin::NAME).await? {
        return Ok(Outcome::NotNeeded);
    }
    let (here, now) = (ClientAddress::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST)), Timestamp::now());
    let candidate =
        Candidate::check(first.username.clone(), &first.email, &first.password, state.password_rules)?;
    let outcome =
        match administration::holders(&mut *tx, &candidate.username, &candidate.email).await?.as_slice() {
            [] => {
                let hash = state.hasher.place(here)?.hash(candidate.password.clone()).await?;
                let id = UserId::generate(now);
                let new = New {
                    id,
                    username: &candidate.username,
                    email: &candidate.email,
                    email_verified: true,
                    password_hash: &hash,
                };
                let account = match accounts::insert(&mut tx, &new, now).await {
                    Ok(account) => account,
                    Err(accounts::InsertError::Database(error)) => return Err(error.into()),
                    // in this very moment
                    Err(_) => return Ok(Outcome::Taken),
                };
                outbox::append(&mut tx, SERVICE, &account.created()).await?;
                audit::append(&mut tx, &Entry::of(id, What::SignedUp), now).await?;
                Outcome::Made(id)
            }
            [holder] if is_meant(holder, &candidate) && is_proven(state, here, holder, first).await? => {
                Outcome::Appointed(holder.account.id)
            }
            _ => return Ok(Outcome::Taken),
        };
    if let Outcome::Made(id) | Outcome::Appointed(id) = outcome {
        grants::insert(&mut *tx, id, UsersAdmin::NAME, None, now).await?;
        let entry = Entry::of(id, What::ScopeGranted).detail(serde_json::json!({"scope": UsersAdmin::NAME}));
        audit::append(&mut tx, &entry, now).await?;
    }
    tx.commit().await?;
    state.relay.wake();
    Ok(outcome)
}

/// Whether the account has both the name and the address.
fn is_meant(holder: &Credentials, candidate: &Candidate) -> bool {
    holder.account.status == Status::Active
        && holder.account.email == candidate.email
        && holder.account.username.eq_ignore_ascii_case(&candidate.username)
}

async fn is_proven(
    state: &AppState,
    here: ClientAddress,
    holder: &Credentials,
    first: &FirstAdmin,
) -> Result<bool, Error> {
    let password = normalize_password(&first.password);
    let right = state.hasher.place(here)?.verify(password, holder.password_hash.clone()).await?;
    Ok(right || holder.account.email_verified)
}

/// The words for an operator: of a broken rule all that is wrong.
fn reason(error: &Error) -> String {
    match error {
        Error::Problem(problem) => rules(problem),
        other => Chain(other).to_string(),
    }
}

fn rules(problem: &Problem) -> String {
    let errors = problem.body("").errors;
    let all: Vec<_> = errors.iter().map(|error| format!("{}: {}", error.pointer, error.detail)).collect();
    format!("the configured one is against the rules: {}", all.join(" "))
}
