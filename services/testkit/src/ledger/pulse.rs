//! How long nothing succeeded.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Beats at each success; the longest time between two beats is how long something was away.
#[derive(Default)]
pub struct Pulse(Mutex<Beats>);

#[derive(Default)]
struct Beats {
    last: Option<Instant>,
    longest: Duration,
}

impl Pulse {
    /// Something succeeded.
    pub fn beat(&self) {
        self.beat_at(Instant::now());
    }

    /// Begins to count anew.
    pub fn restart(&self) {
        *self.lock() = Beats { last: Some(Instant::now()), longest: Duration::ZERO };
    }

    /// Ends a time without beats that doesn't count, because nothing was tried.
    pub fn rest(&self) {
        self.lock().last = None;
    }

    /// The longest time without a beat since [`Self::restart`]; what lasts still isn't over, and counts.
    pub fn longest(&self) -> Duration {
        let beats = self.lock();
        beats.last.map_or(beats.longest, |last| beats.longest.max(last.elapsed()))
    }

    fn beat_at(&self, now: Instant) {
        let mut beats = self.lock();
        if let Some(last) = beats.last.replace(now) {
            beats.longest = beats.longest.max(now.saturating_duration_since(last));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Beats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_silence_is_kept_and_a_rest_is_none() {
        let (pulse, start) = (Pulse::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in [0, 1, 4, 5] {
            pulse.beat_at(at(second));
        }
        pulse.rest();
        pulse.beat_at(at(60));
        pulse.beat_at(at(61));
        pulse.rest();
        assert_eq!(pulse.longest(), Duration::from_secs(3));
    }
}
