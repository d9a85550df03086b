//! Passwords to hashes and back to a yes or no: argon2id with the parameters of OWASP's ASVS 5.0. Each takes tens of
//! milliseconds of a core and 19 MiB, so as many run at a time as there are cores, few wait, and the rest is told to
//! come again.

use std::{sync::Arc, thread::available_parallelism};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{AcquireError, Semaphore, TryAcquireError},
    task::{JoinError, spawn_blocking},
};

/// 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// How many may wait per one that runs: about a second's worth.
const WAITING: usize = 32;

/// Hashes and verifies, a bounded number at a time.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
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
    #[error("argon2 failed: {0}")]
    Argon2(String),
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
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody_knows: [u8; 32] = rand::random();
        let dummy = argon2.hash_password(&nobody_knows).map_err(failed)?.to_string().into();
        Ok(Self {
            argon2,
            running: Arc::new(Semaphore::new(parallel)),
            admitted: Arc::new(Semaphore::new(parallel * (1 + waiting))),
            dummy,
        })
    }

    /// The PHC string to keep for a (normalised) password.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        let argon2 = self.argon2.clone();
        self.run(move || {
            let hash = argon2.hash_password(password.expose_secret().as_bytes()).map_err(failed)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password is the hashed one. Without a hash, because there is no such account: no, in the same time.
    pub async fn verify(&self, password: SecretString, hash: Option<String>) -> Result<bool, HashError> {
        let (argon2, dummy) = (self.argon2.clone(), Arc::clone(&self.dummy));
        self.run(move || {
            let stored = hash.as_deref().unwrap_or(&dummy);
            let stored = PasswordHash::new(stored).map_err(failed)?;
            let matches = argon2.verify_password(password.expose_secret().as_bytes(), &stored).is_ok();
            Ok(matches && hash.is_some())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let admitted = match Arc::clone(&self.admitted).try_acquire_owned() {
            Ok(permit) => permit,
            Err(TryAcquireError::NoPermits) => {
                metrics_busy();
                return Err(HashError::Busy);
            }
            Err(TryAcquireError::Closed) => return Err(HashError::Busy),
        };
        let running = Arc::clone(&self.running).acquire_owned().await?;
        // the permits go with the work: a caller who gives up doesn't make room for more than can run
        spawn_blocking(move || {
            let permits = (admitted, running);
            let result = work();
            drop(permits);
            result
        })
        .await?
    }
}

fn metrics_busy() {
    tracing::warn!("too many passwords to hash at once: a request was told to come again");
}

fn failed(error: impl std::fmt::Display) -> HashError {
    HashError::Argon2(error.to_string())
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
