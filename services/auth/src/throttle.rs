//! Slows down who fails: per account name as it was typed, whether it exists or not, and per network of the client.
//! Counts stand in the database, so they hold for all replicas together and over restarts.
//!
//! An owner isn't locked out by strangers: a network from which a name has logged in before counts for itself, apart
//! from what all others try on that name. Delays have an end, and being refused doesn't prolong them.

mod policy;

use std::{net::IpAddr, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use tracklore_platform::{client_address::ClientAddress, problem::Chain, time::Timestamp};

pub use self::policy::{Count, Policy, TooEarly, Undelayed};
use crate::{
    error::Error,
    store::throttles::{self, About},
};

/// A place where somebody has logged in is remembered so long.
const REMEMBER_PLACE: Duration = Duration::from_hours(90 * 24);
const HOUSEKEEPING: Duration = Duration::from_mins(1);

/// For all that is tried on one name.
const SUBJECT: Policy = Policy {
    free: 5,
    first_delay: Duration::from_secs(2),
    longest_delay: Duration::from_mins(15),
    memory: Duration::from_hours(24),
};

/// What is done; each kind counts for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Proving to know a password.
    LogIn,
    /// Making an account.
    SignUp,
    /// Proving to know the password of the account that one is logged in to.
    Prove,
    /// Having a mail sent to an address.
    Mail,
}

impl Action {
    const fn label(self) -> &'static str {
        match self {
            Self::LogIn => "log-in",
            Self::SignUp => "sign-up",
            Self::Prove => "prove",
            Self::Mail => "mail",
        }
    }
}

/// Settings.
#[derive(clap::Args, Clone, Debug)]
pub struct ThrottleArgs {
    /// Failed log-ins from one address (of IPv6: from one /64) within an hour that have no consequences; then each
    /// doubles a delay, up to 5 minutes. An account name has 5 of them, and delays up to 15 minutes.
    #[arg(long, env = "TRACKLORE_LOGIN_FAILURES_PER_ADDRESS", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..))]
    login_failures_per_address: u32,
    /// Sign-ups, and requests for mails, from one address (of IPv6: from one /64) within an hour that have no
    /// consequences; then each doubles a delay, up to 5 minutes.
    #[arg(long, env = "TRACKLORE_SIGNUPS_PER_ADDRESS", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..))]
    signups_per_address: u32,
}

/// Counts attempts and refuses those that come too early.
#[derive(Clone)]
pub struct Throttle {
    pool: PgPool,
    hasher: Hmac<Sha256>,
    limits: ThrottleArgs,
}

/// An admitted attempt, counted as failed until something else is said.
#[derive(Debug)]
#[must_use = "an attempt that isn't said to have gone well stays a failure"]
pub struct Ticket {
    network: IpAddr,
    charged: Vec<(Vec<u8>, Count)>,
}

impl Throttle {
    /// Counts in this database; `secret` keeps names and addresses out of it.
    pub fn new(pool: PgPool, secret: &SecretBox<[u8; 32]>, limits: ThrottleArgs) -> Self {
        let mut hasher = new_hasher(secret.expose_secret());
        hasher.update(b"tracklore throttle");
        let own_secret = hasher.finalize().into_bytes();
        Self { pool, hasher: new_hasher(&own_secret), limits }
    }

    /// Admits an attempt, or says when it may come again. `subject` is what it is about: the (normalised) name of an
    /// account or an address that mail goes to.
    pub async fn admit(
        &self,
        action: Action,
        subject: Option<&str>,
        client: ClientAddress,
        now: Timestamp,
    ) -> Result<Ticket, Error> {
        let network = client.network();
        let network_key = self.network_key(action, network);
        let about = subject.map(|subject| About {
            subject: self.subject_key(action, subject),
            place: self.place_key(action, subject, network),
        });
        let undelayed = throttles::charge_undelayed(
            &self.pool,
            (&network_key, self.network_policy(action).undelayed(now)),
            (about.as_ref(), SUBJECT.undelayed(now)),
            now,
        );
        let charged = undelayed.await?;
        if charged.len() == 1 + usize::from(about.is_some()) {
            return Ok(Ticket { network, charged });
        }
        // the others are looked at together
        throttles::give_back(&self.pool, &charged).await?;
        let charged = self.charge(action, &network_key, about.as_ref(), now).await?;
        Ok(Ticket { network, charged })
    }

    /// Charges each key by its policy: all or none.
    async fn charge(
        &self,
        action: Action,
        network_key: &[u8],
        about: Option<&About>,
        now: Timestamp,
    ) -> Result<Vec<(Vec<u8>, Count)>, Error> {
        let mut tx = self.pool.begin().await?;
        let counts = throttles::lock(&mut *tx, network_key, about, now).await?;
        let mut charged = Vec::with_capacity(counts.len());
        let mut too_early = None::<TooEarly>;
        for (key, count) in counts {
            let policy = if key == network_key { self.network_policy(action) } else { SUBJECT };
            match policy.charge(Some(count).filter(|count| count.failures > 0), now) {
                Ok(count) => charged.push((key, count)),
                Err(early) => too_early = too_early.max_by_wait(early),
            }
        }
        if let Some(early) = too_early {
            tx.rollback().await?;
            metrics::counter!(crate::metrics::THROTTLED.name, "action" => action.label()).increment(1);
            return Err(Error::Throttled(early.wait));
        }
        throttles::keep(&mut *tx, &charged).await?;
        tx.commit().await?;
        Ok(charged)
    }

    /// The attempt went well: what was counted against `subjects` (all names of the account) is forgotten, the network gets
    /// its attempt back, and counts for itself from now on when it is about these names. `connection` is in no transaction.
    pub async fn succeeded(
        &self,
        connection: &mut PgConnection,
        action: Action,
        ticket: &Ticket,
        subjects: &[&str],
        now: Timestamp,
    ) -> Result<(), Error> {
        let places: Vec<_> =
            subjects.iter().map(|subject| self.place_key(action, subject, ticket.network)).collect();
        let names = subjects.iter().map(|subject| self.subject_key(action, subject));
        let cleared: Vec<_> = names.chain(places.iter().cloned()).collect();
        let until = now.plus(REMEMBER_PLACE);
        Ok(throttles::settle(connection, &ticket.charged, &cleared, &places, until).await?)
    }

    /// The attempt didn't take place.
    pub async fn take_back(&self, ticket: &Ticket) -> Result<(), Error> {
        Ok(throttles::give_back(&self.pool, &ticket.charged).await?)
    }

    /// Forgets what means nothing any more, in small batches, until `stop`.
    pub async fn housekeeping(self, stop: CancellationToken) {
        loop {
            if let Err(error) = throttles::forget(&self.pool, Timestamp::now()).await {
                tracing::warn!(error = %Chain(&error), "old counts stay for now");
            }
            if stop.run_until_cancelled(tokio::time::sleep(HOUSEKEEPING)).await.is_none() {
                return;
            }
        }
    }

    fn network_policy(&self, action: Action) -> Policy {
        let free = match action {
            Action::LogIn | Action::Prove => self.limits.login_failures_per_address,
            Action::SignUp | Action::Mail => self.limits.signups_per_address,
        };
        Policy {
            free,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_mins(5),
            memory: Duration::from_hours(1),
        }
    }

    fn subject_key(&self, action: Action, subject: &str) -> Vec<u8> {
        self.key(action, &[b"subject", subject.as_bytes()])
    }

    fn place_key(&self, action: Action, subject: &str, network: IpAddr) -> Vec<u8> {
        self.key(action, &[b"place", subject.as_bytes(), network.to_string().as_bytes()])
    }

    fn network_key(&self, action: Action, network: IpAddr) -> Vec<u8> {
        self.key(action, &[b"network", network.to_string().as_bytes()])
    }

    fn key(&self, action: Action, parts: &[&[u8]]) -> Vec<u8> {
        let mut hasher = self.hasher.clone();
        for part in [action.label().as_bytes()].iter().chain(parts) {
            // with its length, so that no two lists of parts are the same bytes
            hasher.update(&part.len().to_be_bytes());
            hasher.update(part);
        }
        hasher.finalize().into_bytes().to_vec()
    }
}

trait MaxByWait {
    fn max_by_wait(self, other: TooEarly) -> Option<TooEarly>;
}

impl MaxByWait for Option<TooEarly> {
    fn max_by_wait(self, other: TooEarly) -> Option<TooEarly> {
        Some(self.filter(|this| this.wait > other.wait).unwrap_or(other))
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn new_hasher(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}
