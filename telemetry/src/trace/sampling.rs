//! Which traces are kept.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Kept traces that callers may ask for, per second. Anybody can say of a request that it is to be traced; who says so
/// all the time is treated like everybody.
const ASKED_PER_SECOND: u64 = 100;

/// A part of all: 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio(f64);

impl FromStr for Ratio {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(Self(ratio)),
            _ => Err("use a number from 0 to 1"),
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

pub(super) struct Sampler {
    /// Trace ids whose random part lies below are kept, so that all programs decide alike.
    below: u64,
    /// The second, and how many were asked for in it.
    asked: AtomicU64,
}

impl Sampler {
    pub(super) fn new(ratio: Ratio) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of 2^56; rounding is fine"
        )]
        let below = (ratio.0 * RANDOM_PART as f64) as u64;
        Self { below, asked: AtomicU64::new(0) }
    }

    /// Whether a trace that begins here is kept.
    pub(super) fn keeps(&self, trace_id: u128) -> bool {
        u64::try_from(trace_id % u128::from(RANDOM_PART)).is_ok_and(|random| random < self.below)
    }

    /// Whether a trace that a caller wants to be kept is kept.
    pub(super) fn keeps_asked(&self, trace_id: u128) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        self.keeps(trace_id) || self.count(now) <= ASKED_PER_SECOND
    }

    /// How many were asked for in this second, this one included.
    fn count(&self, second: u64) -> u64 {
        let next = |packed: u64| {
            let count = if packed >> COUNT_BITS == second { (packed & COUNT) + 1 } else { 1 };
            (second << COUNT_BITS) | count.min(COUNT)
        };
        let packed =
            self.asked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| Some(next(packed)));
        next(packed.unwrap_or_else(|packed| packed)) & COUNT
    }
}

/// W3C promises randomness in the last 56 bits of a trace id.
const RANDOM_PART: u64 = 1 << 56;
const COUNT_BITS: u32 = 24;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_kept_as_the_ratio_says_and_the_id_alone_decides() {
        let (none, some, all) = ("0", "0.25", "1");
        let [none, some, all] = [none, some, all].map(|ratio| Sampler::new(ratio.parse().unwrap()));
        let ids: Vec<u128> = (0..4000).map(|_| rand::random()).collect();
        assert!(ids.iter().all(|id| all.keeps(*id) && !none.keeps(*id)));
        let kept = ids.iter().filter(|id| some.keeps(**id)).count();
        assert!((800..1200).contains(&kept), "{kept}");
        assert!(ids.iter().all(|id| some.keeps(*id) == some.keeps(*id)));
    }

    #[test]
    fn callers_may_ask_for_so_many_a_second() {
        let sampler = Sampler::new("0".parse().unwrap());
        for second in [7, 8] {
            assert_eq!((1..=3).map(|_| sampler.count(second)).collect::<Vec<_>>(), [1, 2, 3]);
        }
        let kept = (0..1000).filter(|_| sampler.keeps_asked(u128::MAX)).count();
        // a new second may begin meanwhile
        assert!((100..=200).contains(&kept), "{kept}");
    }

    #[test]
    fn a_ratio_is_a_number_from_0_to_1() {
        for bad in ["", "x", "-0.1", "1.1", "NaN", "inf"] {
            assert!(bad.parse::<Ratio>().is_err(), "{bad}");
        }
    }
}
