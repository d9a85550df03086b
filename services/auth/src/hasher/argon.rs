//! One password, one hash, in memory that is kept for the next: 19 MiB a time, taken from and given back to the
//! allocator by ever other threads, stays with the process many times over.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use subtle::ConstantTimeEq;

use super::foreign;

const LANES: u32 = 1;
/// The least memory in MiB for 1, 2, 3, … passes (OWASP's password storage recommendations).
const LEAST_MEMORY: [u32; 5] = [46, 19, 12, 9, 7];
/// More is a typing error: it would stop every log-in.
const MOST_MEMORY: u32 = 1024;
const MOST_PASSES: u32 = 100;
/// Hashes of other programs may take more than ours do, until the first log-in.
const MOST_IMPORTED_MEMORY_KIB: u32 = 256 * 1024;
const ALGORITHM: Algorithm = Algorithm::Argon2id;
const VERSION: Version = Version::V0x13;
const SALT_BYTES: usize = 16;

/// What a new hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
}

/// The cost is too low to protect passwords, or too high to ever finish.
#[derive(Debug, thiserror::Error)]
#[error(
    "TRACKLORE_PASSWORD_MEMORY={memory} with TRACKLORE_PASSWORD_PASSES={passes} can't be used: the least memory is 46 \
     with 1 pass, 19 with 2, 12 with 3, 9 with 4 and 7 with more; the most is {MOST_MEMORY} and {MOST_PASSES} passes"
)]
pub struct WeakCost {
    memory: u32,
    passes: u32,
}

/// The parameters or a stored hash are wrong.
#[derive(Debug, thiserror::Error)]
#[error("argon2 failed: {0}")]
pub struct ArgonError(String);

impl Cost {
    /// `memory` in MiB.
    pub fn new(memory: u32, passes: u32) -> Result<Self, WeakCost> {
        let weak = WeakCost { memory, passes };
        let row = usize::try_from(passes).ok().and_then(|passes| passes.checked_sub(1));
        let Some(row) = row.filter(|_| passes <= MOST_PASSES) else { return Err(weak) };
        let least = LEAST_MEMORY.get(row).or(LEAST_MEMORY.last()).copied().unwrap_or(MOST_MEMORY);
        if (least..=MOST_MEMORY).contains(&memory) {
            Ok(Self { memory_kib: memory * 1024, passes })
        } else {
            Err(weak)
        }
    }

    fn params(self) -> Result<Params, ArgonError> {
        Params::new(self.memory_kib, self.passes, LANES, None).map_err(failed)
    }
}

/// A hash of `cost` that no password has: verifying against it takes as long as against any other.
pub fn unknown(cost: Cost) -> Result<String, ArgonError> {
    let tag: [u8; Params::DEFAULT_OUTPUT_LEN] = rand::random();
    phc(&cost.params()?, &rand::random(), &tag)
}

/// Whether `stored` is what a new hash of `cost` would be like.
pub fn is_made_with(stored: &str, cost: Cost) -> bool {
    let params = PasswordHash::new(stored).ok().and_then(|hash| {
        let is_ours = hash.algorithm == ALGORITHM.ident() && hash.version == Some(VERSION.into());
        Params::try_from(&hash).ok().filter(|_| is_ours)
    });
    params.is_some_and(|params| {
        (params.m_cost(), params.t_cost(), params.p_cost()) == (cost.memory_kib, cost.passes, LANES)
    })
}

/// Whether a PHC string of another program can be verified within bounds.
pub fn check_imported(stored: &str) -> Result<(), &'static str> {
    const UNKNOWN: &str = "it is none of argon2 (a PHC string), bcrypt ($2…) and Django's pbkdf2_sha256$…";
    let hash = PasswordHash::new(stored).map_err(|_| UNKNOWN)?;
    let params = Params::try_from(&hash).map_err(|_| UNKNOWN)?;
    if Algorithm::try_from(hash.algorithm.as_str()).is_err() || hash.salt.is_none() || hash.hash.is_none() {
        Err(UNKNOWN)
    } else if params.m_cost() > MOST_IMPORTED_MEMORY_KIB || params.t_cost() > MOST_PASSES {
        Err("it takes more than 256 MiB or more than 100 passes")
    } else {
        Ok(())
    }
}

fn phc(params: &Params, salt: &[u8; SALT_BYTES], tag: &[u8]) -> Result<String, ArgonError> {
    let hash = PasswordHash {
        algorithm: ALGORITHM.ident(),
        version: Some(VERSION.into()),
        params: ParamsString::try_from(params).map_err(failed)?,
        salt: Some(Salt::new(salt).map_err(failed)?),
        hash: Some(Output::new(tag).map_err(failed)?),
    };
    Ok(hash.to_string())
}

/// Argon2's memory; empty until it is first used.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    /// The PHC string of `password` at this cost with a new salt.
    pub fn hash(&mut self, cost: Cost, password: &[u8]) -> Result<String, ArgonError> {
        let params = cost.params()?;
        let salt: [u8; SALT_BYTES] = rand::random();
        let tag = self.fill(password, &salt, ALGORITHM, VERSION, params.clone())?;
        phc(&params, &salt, &tag)
    }

    /// Whether `stored` is the hash of `password`, with whatever parameters it was made, and by whatever program.
    pub fn verify(&mut self, password: &[u8], stored: &str) -> Result<bool, ArgonError> {
        if let Some(foreign) = foreign::parse(stored) {
            return foreign.verify(password).map_err(failed);
        }
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

    fn cost() -> Cost {
        Cost::new(19, 2).unwrap()
    }

    #[test]
    fn a_cost_below_the_recommendations_or_beyond_reason_is_refused_with_the_rule() {
        for (memory, passes) in [(46, 1), (19, 2), (12, 3), (9, 4), (7, 5), (7, 9), (1024, 100)] {
            assert!(Cost::new(memory, passes).is_ok(), "{memory} {passes}");
        }
        for (memory, passes) in [(45, 1), (18, 2), (11, 3), (8, 4), (6, 5), (19, 0), (1025, 2), (19, 101)] {
            let weak = Cost::new(memory, passes).unwrap_err().to_string();
            assert!(weak.contains("the least memory is 46"), "{weak}");
        }
    }

    #[test]
    fn no_password_has_the_unknown_hash_and_it_is_like_any_other() {
        let unknown = unknown(cost()).unwrap();
        let known = Memory::default().hash(cost(), PASSWORD).unwrap();
        assert_eq!(unknown.len(), known.len());
        assert!(is_made_with(&unknown, cost()) && !is_made_with(&unknown, Cost::new(20, 2).unwrap()));
        assert!(!Memory::default().verify(PASSWORD, &unknown).unwrap());
    }

    #[test]
    fn memory_used_before_changes_no_hash() {
        let mut memory = Memory::default();
        let first = memory.hash(cost(), PASSWORD).unwrap();
        let second = memory.hash(cost(), b"another long secret").unwrap();
        assert!(memory.verify(PASSWORD, &first).unwrap());
        assert!(!memory.verify(PASSWORD, &second).unwrap());
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
    }

    #[test]
    fn the_crate_s_own_hasher_agrees() {
        let hash = Memory::default().hash(cost(), PASSWORD).unwrap();
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
