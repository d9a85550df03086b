//! Passwords to hashes and back to a yes or no: argon2id with the parameters of OWASP's ASVS 5.0. Each takes tens of
//! milliseconds of a core and 19 MiB, so as many run at a time as there are cores, few wait, and the rest is told to
//! come again.

mod argon;

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::available_parallelism,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{AcquireError, Semaphore},
    task::{JoinError, spawn_blocking},
};

use self::argon::{ArgonError, Memory};

/// How many may wait per one that runs: about a second's worth.
const WAITING: usize = 32;

/// Hashes and verifies, a bounded number at a time.
#[derive(Clone)]
pub struct Hasher {
    /// Of those that don't run now; never more than may run.
    memories: Arc<Mutex<Vec<Memory>>>,
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    /// The hash of a password nobody knows: what unknown accounts are checked against, so that they take as long.
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
    /// The pool is gone.
    #[error("hashing was interrupted")]
    Interrupted(#[from] JoinError),
    /// The pool is closed.
    #[error("the hashing pool is closed")]
    Closed(#[from] AcquireError),
}

impl Hasher {
    /// As many at a time as there are cores.
    pub fn new() -> Result<Self, HashError> {
        Self::with_capacity(available_parallelism().map_or(1, usize::from), WAITING)
    }

    fn with_capacity(parallel: usize, waiting: usize) -> Result<Self, HashError> {
        let nobody_knows: [u8; 32] = rand::random();
        let dummy = Memory::default().hash(&nobody_knows)?.into();
        Ok(Self {
            memories: Arc::default(),
            running: Arc::new(Semaphore::new(parallel)),
            admitted: Arc::new(Semaphore::new(parallel * (1 + waiting))),
            dummy,
        })
    }

    /// The PHC string to keep for a (normalised) password.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        self.run(move |memory| memory.hash(password.expose_secret().as_bytes())).await
    }

    /// Whether the password is the hashed one. Without a hash, because there is no such account: no, in the same time.
    pub async fn verify(&self, password: SecretString, hash: Option<String>) -> Result<bool, HashError> {
        let dummy = Arc::clone(&self.dummy);
        self.run(move |memory| {
            let stored = hash.as_deref().unwrap_or(&dummy);
            let matches = memory.verify(password.expose_secret().as_bytes(), stored)?;
            Ok(matches && hash.is_some())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> Result<T, ArgonError> + Send + 'static,
    ) -> Result<T, HashError> {
        let Ok(admitted) = Arc::clone(&self.admitted).try_acquire_owned() else {
            tracing::warn!("too many passwords to hash at once: a request was told to come again");
            return Err(HashError::Busy);
        };
        let running = Arc::clone(&self.running).acquire_owned().await?;
        let memories = Arc::clone(&self.memories);
        // the permits go with the work: a caller who gives up doesn't make room for more than can run
        let done = spawn_blocking(move || {
            let permits = (admitted, running);
            let free = || memories.lock().unwrap_or_else(PoisonError::into_inner);
            let mut memory = free().pop().unwrap_or_default();
            let result = work(&mut memory);
            free().push(memory);
            drop(permits);
            result
        });
        Ok(done.await??)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only_and_the_parameters_stand_in_it() {
        let hasher = Hasher::new().unwrap();
        let hash = hasher.hash("a long enough secret".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify("a long enough secret".into(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify("another long secret".into(), Some(hash)).await.unwrap());
        assert!(!hasher.verify("a long enough secret".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn more_than_can_wait_are_refused_at_once_and_the_others_served() {
        let hasher = Hasher::with_capacity(1, 1).unwrap();
        let attempts = (0..4).map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.hash("a long enough secret".into()).await })
        });
        let attempts: Vec<_> = attempts.collect();
        let mut served = 0;
        for attempt in attempts {
            match attempt.await.unwrap() {
                Ok(_) => served += 1,
                Err(error) => assert!(matches!(error, HashError::Busy), "{error}"),
            }
        }
        assert_eq!(served, 2);
        assert!(hasher.hash("a long enough secret".into()).await.is_ok());
    }
}
