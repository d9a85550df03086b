//! User ids: 41 bits of milliseconds and 12 random bits, so integers below 2^53 that JavaScript holds exactly.
//! The clock part makes them unique over a restore of the database; the random part and the primary key
//! (the caller retries on a conflict) make them unique within a millisecond. They carry no secret.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// 2024-01-01T00:00:00Z in milliseconds of the Unix epoch: where the 41 bits (69 years) start.
const EPOCH_MS: i64 = 1_704_067_200_000;
const RANDOM_BITS: u32 = 12;
/// The first integer that is no user id any more.
const LIMIT: i64 = 1 << 53;

/// A user's id, the same in every service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, sqlx::Type, ToSchema)]
#[sqlx(transparent)]
#[schema(value_type = i64, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
pub struct UserId(i64);

/// A number that can't be a user id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a user id is an integer from 1 to 9007199254740991")]
pub struct InvalidUserId;

impl UserId {
    /// A new id at `now`; times before 2024 count as 2024.
    pub fn generate(now: crate::time::Timestamp) -> Self {
        let elapsed = now.unix_millis().saturating_sub(EPOCH_MS).max(1) & ((1 << 41) - 1);
        Self((elapsed << RANDOM_BITS) | i64::from(rand::random_range(0..1_i32 << RANDOM_BITS)))
    }

    /// The number itself.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for UserId {
    type Error = InvalidUserId;

    fn try_from(value: i64) -> Result<Self, InvalidUserId> {
        if (1..LIMIT).contains(&value) { Ok(Self(value)) } else { Err(InvalidUserId) }
    }
}

impl FromStr for UserId {
    type Err = InvalidUserId;

    fn from_str(text: &str) -> Result<Self, InvalidUserId> {
        let canonical = !text.starts_with(['+', '0', '-']);
        text.parse::<i64>().ok().filter(|_| canonical).ok_or(InvalidUserId)?.try_into()
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn ids_stay_below_2_to_53_until_2093_and_grow_with_time() {
        let early = UserId::generate(Timestamp::from_unix_millis(EPOCH_MS + 1));
        let late = UserId::generate(Timestamp::from_unix_millis(EPOCH_MS + (1 << 41) - 1));
        assert!(early < late);
        assert!(late.get() < LIMIT);
    }

    #[test]
    fn only_canonical_numbers_in_range_are_ids() {
        assert_eq!("7".parse(), Ok(UserId(7)));
        for bad in ["", "0", "-1", "+1", "007", "9007199254740992", "1.0", "x"] {
            assert_eq!(bad.parse::<UserId>(), Err(InvalidUserId), "{bad}");
        }
    }
}
