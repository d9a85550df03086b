//! The circuit breaker: after failures in a row nobody asks for a while; then one call tries (half-open), and only when it
//! is answered do all ask again. So a service that is away costs its callers nothing, and one that comes back isn't met
//! by everybody at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Duration, Instant};

use crate::metrics::CIRCUIT;

/// So many failures in a row open the circuit…
const OPEN_AFTER: u32 = 5;
/// …for this long; twice as long each time that a probe fails…
const OPEN_FOR: Duration = Duration::from_secs(1);
/// …up to this.
const OPEN_AT_MOST: Duration = Duration::from_secs(8);

/// One service's circuit.
#[derive(Clone, Debug)]
pub struct Breaker {
    service: &'static str,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// All may ask; so many failures in a row.
    Closed(u32),
    /// Nobody may ask before; it was closed for so long.
    Open { until: Instant, pause: Duration },
    /// One asks; it was open until then, for so long.
    Probing { until: Instant, pause: Duration },
}

/// The leave to ask. Dropped without a word (the caller went away), it counts as nothing, and the next one may ask.
#[derive(Debug)]
pub struct Permit {
    breaker: Breaker,
    told: bool,
}

impl Breaker {
    /// A closed circuit.
    pub fn new(service: &'static str) -> Self {
        Self { service, state: Arc::new(Mutex::new(State::Closed(0))) }
    }

    /// Leave to ask, unless the circuit is open.
    pub fn permit(&self) -> Option<Permit> {
        self.permit_at(Instant::now())
    }

    fn permit_at(&self, now: Instant) -> Option<Permit> {
        let mut state = self.lock();
        match *state {
            State::Closed(_) => {}
            State::Open { until, pause } if until <= now => {
                self.set(&mut state, State::Probing { until, pause });
            }
            State::Open { .. } | State::Probing { .. } => return None,
        }
        Some(Permit { breaker: self.clone(), told: false })
    }

    fn set(&self, state: &mut State, next: State) {
        *state = next;
        self.tell(next);
        let word = match next {
            State::Closed(_) => "closed",
            State::Probing { .. } => "half-open",
            State::Open { .. } => "open",
        };
        tracing::info!(service = self.service, "circuit is {word}");
    }

    fn tell(&self, state: State) {
        let value = match state {
            State::Closed(_) => 0.0,
            State::Probing { .. } => 1.0,
            State::Open { .. } => 2.0,
        };
        metrics::gauge!(CIRCUIT.name, "server_address" => self.service).set(value);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Tells whether the service answered.
    pub fn record(self, answered: bool) {
        self.record_at(answered, Instant::now());
    }

    fn record_at(mut self, answered: bool, now: Instant) {
        self.told = true;
        let mut state = self.breaker.lock();
        let open = |pause| State::Open { until: now + pause, pause };
        match (*state, answered) {
            // somebody who asked before it opened
            (State::Open { .. }, _) => {}
            // told each time: a circuit that never opened is to be seen, too
            (State::Closed(0), true) => self.breaker.tell(*state),
            (State::Closed(_), true) => *state = State::Closed(0),
            (State::Probing { .. }, true) => self.breaker.set(&mut state, State::Closed(0)),
            (State::Closed(failures), false) if failures + 1 < OPEN_AFTER => {
                *state = State::Closed(failures + 1);
            }
            (State::Closed(_), false) => self.breaker.set(&mut state, open(OPEN_FOR)),
            (State::Probing { pause, .. }, false) => {
                self.breaker.set(&mut state, open((pause * 2).min(OPEN_AT_MOST)));
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.breaker.lock();
        if let (false, State::Probing { until, pause }) = (self.told, *state) {
            self.breaker.set(&mut state, State::Open { until, pause });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.permit_at(now).unwrap().record_at(false, now);
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_success_between_doesnt() {
        let (breaker, now) = (Breaker::new("auth"), Instant::now());
        fail(&breaker, OPEN_AFTER - 1, now);
        breaker.permit_at(now).unwrap().record_at(true, now);
        fail(&breaker, OPEN_AFTER - 1, now);
        assert!(breaker.permit_at(now).is_some());
        fail(&breaker, 1, now);
        assert!(breaker.permit_at(now).is_none());
    }

    #[test]
    fn one_probe_at_a_time_decides() {
        let (breaker, now) = (Breaker::new("auth"), Instant::now());
        fail(&breaker, OPEN_AFTER, now);
        let now = now + OPEN_FOR;
        let probe = breaker.permit_at(now).unwrap();
        assert!(breaker.permit_at(now).is_none(), "only one may try");
        probe.record_at(false, now);
        let now = now + OPEN_FOR;
        assert!(breaker.permit_at(now).is_none(), "longer than the first time");
        let now = now + OPEN_FOR;
        breaker.permit_at(now).unwrap().record_at(true, now);
        fail(&breaker, 1, now);
        assert!(breaker.permit_at(now).is_some(), "closed, counting anew");
    }

    #[test]
    fn a_probe_whose_caller_went_away_leaves_it_to_the_next() {
        let (breaker, now) = (Breaker::new("auth"), Instant::now());
        fail(&breaker, OPEN_AFTER, now);
        drop(breaker.permit_at(now + OPEN_FOR).unwrap());
        assert!(breaker.permit_at(now + OPEN_FOR).is_some());
    }

    #[test]
    fn who_asked_before_it_opened_doesnt_close_it() {
        let (breaker, now) = (Breaker::new("auth"), Instant::now());
        let slow = breaker.permit_at(now).unwrap();
        fail(&breaker, OPEN_AFTER, now);
        slow.record_at(true, now);
        assert!(breaker.permit_at(now).is_none());
    }
}
