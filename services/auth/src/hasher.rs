//! Passwords to hashes and back to a yes or no: argon2id. Each takes tens of milliseconds of a core and all of its
//! memory, so as many run at a time as there are cores, some wait in a line that is fair among networks, and the rest
//! is told at once to come again.

mod argon;
mod foreign;
mod pool;
mod queue;

use std::{net::IpAddr, num::NonZeroUsize, sync::Arc, thread::available_parallelism};

use secrecy::{ExposeSecret, SecretString};
use tracklore_platform::{
    client_address::ClientAddress,
    trace::{self, Described, Kind},
};

pub use self::argon::{Cost, WeakCost};
use self::{argon::ArgonError, pool::Pool};

/// How many may wait per one that runs; one network at most half of them, about a second's worth.
const WAITING: usize = 64;

/// Settings.
#[derive(clap::Args, Clone, Debug)]
pub struct HasherArgs {
    /// Memory that hashing a password takes, in MiB. With 1 pass 46 at least, with 2 passes 19, with 3 12, with 4 9,
    /// with more 7 (OWASP).
    #[arg(long = "password-memory", env = "TRACKLORE_PASSWORD_MEMORY", default_value_t = 19)]
    memory: u32,
    /// How often hashing a password goes through its memory. Hashes made otherwise are renewed at the next log-in.
    #[arg(long = "password-passes", env = "TRACKLORE_PASSWORD_PASSES", default_value_t = 2)]
    passes: u32,
    /// How many passwords are hashed at a time, each with its memory. As many as the CPU limit has cores if not set.
    #[arg(long = "password-threads", env = "TRACKLORE_PASSWORD_THREADS")]
    threads: Option<NonZeroUsize>,
}

/// Hashes and verifies, a bounded number at a time.
#[derive(Clone)]
pub struct Hasher {
    pool: Pool<IpAddr>,
    cost: Cost,
    /// The hash of a password nobody knows: what unknown accounts are checked against, so that they take as long.
    dummy: Arc<str>,
}

/// Room for one password to be hashed; free again when it is dropped.
pub struct Place {
    slot: pool::Place<IpAddr>,
    cost: Cost,
    dummy: Arc<str>,
}

/// Why there is no hash and no answer.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many wait already.
    #[error("too many passwords to hash")]
    Busy,
    /// The parameters or a stored hash are wrong.
    #[error(transparent)]
    Argon(#[from] ArgonError),
    /// The parameters are too cheap.
    #[error(transparent)]
    Weak(#[from] WeakCost),
    /// A worker failed.
    #[error("hashing was interrupted")]
    Interrupted,
}

impl Hasher {
    /// As many at a time as there are cores.
    pub fn new(args: &HasherArgs) -> Result<Self, HashError> {
        let cost = Cost::new(args.memory, args.passes)?;
        let threads = args.threads.or(available_parallelism().ok()).map_or(1, usize::from);
        tracing::info!(threads, memory_mib = args.memory, "hashing passwords");
        Self::with_capacity(cost, threads, threads.saturating_mul(WAITING))
    }

    fn with_capacity(cost: Cost, threads: usize, room: usize) -> Result<Self, HashError> {
        Ok(Self { pool: Pool::new(threads, room), cost, dummy: argon::unknown(cost)?.into() })
    }

    /// A place among those who wait. Who would wait in vain is refused at once and at no cost, so take it before anything
    /// else is done for them.
    pub fn place(&self, client: ClientAddress) -> Result<Place, HashError> {
        let slot = self.pool.place(client.network())?;
        Ok(Place { slot, cost: self.cost, dummy: Arc::clone(&self.dummy) })
    }

    /// Whether log-ins can be checked against this hash, which another program made; if not, why not.
    pub fn check_imported(hash: &str) -> Result<(), &'static str> {
        foreign::parse(hash).map_or_else(|| argon::check_imported(hash), |foreign| foreign.check_imported())
    }

    /// Whether this hash was made otherwise than new ones are.
    pub fn is_outdated(&self, hash: &str) -> bool {
        !argon::is_made_with(hash, self.cost)
    }
}

impl Place {
    /// The PHC string to keep for a (normalised) password.
    pub async fn hash(self, password: SecretString) -> Result<String, HashError> {
        let cost = self.cost;
        let done = self.slot.run(move |memory| memory.hash(cost, password.expose_secret().as_bytes()));
        traced("hash a password", async { Ok(done.await??) }).await
    }

    /// Whether the password is the hashed one. Without a hash, because there is no such account: no, in the same time.
    pub async fn verify(self, password: SecretString, hash: Option<String>) -> Result<bool, HashError> {
        let dummy = self.dummy;
        let done = self.slot.run(move |memory| {
            let stored = hash.as_deref().unwrap_or(&dummy);
            let matches = memory.verify(password.expose_secret().as_bytes(), stored)?;
            Ok::<_, ArgonError>(matches && hash.is_some())
        });
        traced("verify a password", async { Ok(done.await??) }).await
    }
}

/// Shows in the running trace how long it took, the wait among others included.
async fn traced<T>(
    name: &'static str,
    work: impl Future<Output = Result<T, HashError>>,
) -> Result<T, HashError> {
    trace::step(Kind::Internal, || Described::new(name), work).await
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    const PASSWORD: &str = "a long enough secret";

    fn hasher(threads: usize, room: usize) -> Hasher {
        Hasher::with_capacity(Cost::new(19, 2).unwrap(), threads, room).unwrap()
    }

    fn client(address: &str) -> ClientAddress {
        address.parse::<IpAddr>().unwrap().into()
    }

    async fn hash(hasher: &Hasher, address: &str) -> Result<String, HashError> {
        hasher.place(client(address))?.hash(PASSWORD.into()).await
    }

    #[tokio::test]
    async fn who_has_a_place_keeps_it_and_who_goes_gives_it_back() {
        let (hasher, here) = (hasher(1, 2), client("203.0.113.7"));
        let place = hasher.place(here).unwrap();
        assert!(matches!(hasher.place(here), Err(HashError::Busy)));
        drop(place);
        let place = hasher.place(here).unwrap();
        assert!(matches!(hash(&hasher, "203.0.113.7").await, Err(HashError::Busy)));
        place.hash(PASSWORD.into()).await.unwrap();
        hash(&hasher, "203.0.113.7").await.unwrap();
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only_and_the_parameters_stand_in_it() {
        let (hasher, client) = (hasher(1, 8), client("203.0.113.7"));
        let hash = hasher.place(client).unwrap().hash(PASSWORD.into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.place(client).unwrap().verify(PASSWORD.into(), Some(hash.clone())).await.unwrap());
        assert!(
            !hasher
                .place(client)
                .unwrap()
                .verify("another long secret".into(), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(!hasher.place(client).unwrap().verify(PASSWORD.into(), None).await.unwrap());
        assert!(!hasher.is_outdated(&hash));
        let dearer = Hasher::with_capacity(Cost::new(20, 2).unwrap(), 1, 8).unwrap();
        assert!(dearer.is_outdated(&hash) && dearer.dummy.starts_with("$argon2id$v=19$m=20480,t=2,p=1$"));
    }

    #[tokio::test]
    async fn an_overloaded_pool_refuses_at_once_serves_its_share_and_recovers() {
        let hasher = hasher(1, 4);
        let started = Instant::now();
        let attempts: Vec<_> = (0..40)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move {
                    let result = hash(&hasher, "203.0.113.7").await;
                    (result, started.elapsed())
                })
            })
            .collect();
        let (mut served, mut slowest_refusal) = (0, Duration::ZERO);
        for attempt in attempts {
            match attempt.await.unwrap() {
                (Ok(_), _) => served += 1,
                (Err(HashError::Busy), after) => slowest_refusal = slowest_refusal.max(after),
                (Err(error), _) => panic!("{error}"),
            }
        }
        // half of the room, and the one that runs
        assert!((2..=3).contains(&served), "{served}");
        assert!(slowest_refusal < Duration::from_millis(50), "{slowest_refusal:?}");
        assert!(hash(&hasher, "203.0.113.7").await.is_ok());
    }

    #[tokio::test]
    async fn somebody_else_is_served_before_the_rest_of_a_flood() {
        let hasher = hasher(1, 32);
        let flood: Vec<_> = (0..16)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hash(&hasher, "2001:db8::1").await })
            })
            .collect();
        tokio::task::yield_now().await;
        hash(&hasher, "203.0.113.7").await.unwrap();
        assert!(flood.iter().any(|attempt| !attempt.is_finished()));
        for attempt in flood {
            attempt.await.unwrap().unwrap();
        }
    }
}
