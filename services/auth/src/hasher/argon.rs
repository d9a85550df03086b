//! One password, one hash, in memory that is kept for the next: 19 MiB a time, taken from and given back to the
//! allocator by ever other threads, stays with the process many times over.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use subtle::ConstantTimeEq;

/// 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const ALGORITHM: Algorithm = Algorithm::Argon2id;
const VERSION: Version = Version::V0x13;
const SALT_BYTES: usize = 16;

/// The parameters or a stored hash are wrong.
#[derive(Debug, thiserror::Error)]
#[error("argon2 failed: {0}")]
pub struct ArgonError(String);

/// Argon2's memory; empty until it is first used.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    /// The PHC string of `password` with the present parameters and a new salt.
    pub fn hash(&mut self, password: &[u8]) -> Result<String, ArgonError> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
        let salt: [u8; SALT_BYTES] = rand::random();
        let tag = self.fill(password, &salt, ALGORITHM, VERSION, params.clone())?;
        let hash = PasswordHash {
            algorithm: ALGORITHM.ident(),
            version: Some(VERSION.into()),
            params: ParamsString::try_from(&params).map_err(failed)?,
            salt: Some(Salt::new(&salt).map_err(failed)?),
            hash: Some(Output::new(&tag).map_err(failed)?),
        };
        Ok(hash.to_string())
    }

    /// Whether `stored` is the PHC string of `password`, with whatever parameters it was made.
    pub fn verify(&mut self, password: &[u8], stored: &str) -> Result<bool, ArgonError> {
        let stored = PasswordHash::new(stored).map_err(failed)?;
        let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else {
            return Err(ArgonError("salt or hash is missing".to_owned()));
        };
        let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(failed)?;
        let version = stored.version.map_or(Ok(VERSION), Version::try_from).map_err(failed)?;
        let params = Params::try_from(&stored).map_err(failed)?;
        let tag = self.fill(password, salt, algorithm, version, params)?;
        Ok(tag.ct_eq(expected.as_bytes()).into())
    }

    fn fill(
        &mut self,
        password: &[u8],
        salt: &[u8],
        algorithm: Algorithm,
        version: Version,
        params: Params,
    ) -> Result<Vec<u8>, ArgonError> {
        let (blocks, length) =
            (params.block_count(), params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN));
        if self.0.len() < blocks {
            self.0 = vec![Block::default(); blocks];
        }
        let memory = self.0.get_mut(..blocks).unwrap_or_default();
        let mut tag = vec![0; length];
        Argon2::new(algorithm, version, params)
            .hash_password_into_with_memory(password, salt, &mut tag, memory)
            .map_err(failed)?;
        Ok(tag)
    }
}

fn failed(error: impl std::fmt::Display) -> ArgonError {
    ArgonError(error.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher, PasswordVerifier};

    use super::*;

    const PASSWORD: &[u8] = b"a long enough secret";

    #[test]
    fn memory_used_before_changes_no_hash() {
        let mut memory = Memory::default();
        let first = memory.hash(PASSWORD).unwrap();
        let second = memory.hash(b"another long secret").unwrap();
        assert!(memory.verify(PASSWORD, &first).unwrap());
        assert!(!memory.verify(PASSWORD, &second).unwrap());
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
    }

    #[test]
    fn the_crate_s_own_hasher_agrees() {
        let hash = Memory::default().hash(PASSWORD).unwrap();
        let stored = PasswordHash::new(&hash).unwrap();
        assert!(Argon2::default().verify_password(PASSWORD, &stored).is_ok());
    }

    #[test]
    fn hashes_with_more_or_less_memory_are_verified_too() {
        let mut memory = Memory::default();
        for (memory_kib, passes) in [(64, 1), (32 * 1024, 1), (64, 3)] {
            let params = Params::new(memory_kib, passes, 1, None).unwrap();
            let hash = Argon2::from(params).hash_password(PASSWORD).unwrap().to_string();
            assert!(memory.verify(PASSWORD, &hash).unwrap());
            assert!(!memory.verify(b"another long secret", &hash).unwrap());
        }
    }

    #[test]
    fn what_is_no_hash_is_an_error_and_no_password() {
        for bad in ["", "plain", "$argon2id$v=19$m=19456,t=2,p=1", "$2b$12$abcdefghijklmnopqrstuv"] {
            assert!(Memory::default().verify(PASSWORD, bad).is_err(), "{bad}");
        }
    }
}
