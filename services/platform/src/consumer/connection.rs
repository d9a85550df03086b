//! Whether a client still reaches Kafka. One that was told that there is no broker may never look for one again
//! (librdkafka 5301), while a new one would find it: so it is given up after a while. Where Kafka is really away, a new client
//! finds none either, and nothing is lost.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::lag::INTERVAL;
use crate::metrics::CONNECTED;

/// What a client tells of its connections, as long as it is polled.
pub(super) struct Connection(Mutex<Told>);

struct Told {
    /// Since when it has reached no broker; none while it reaches one.
    away: Option<Instant>,
    /// When it said so last.
    at: Option<Instant>,
}

impl Connection {
    /// That of a client made now, which has reached none yet.
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Told { away: Some(now), at: None }))
    }

    /// Whether a broker is reached now.
    pub(super) fn tell(&self, connected: bool, now: Instant) {
        metrics::gauge!(CONNECTED.name).set(f64::from(connected));
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *told = Told { away: if connected { None } else { told.away.or(Some(now)) }, at: Some(now) };
    }

    /// Returns when none was reached for `patience`.
    pub(super) async fn lost(&self, patience: Duration) {
        while !self.is_lost(patience, Instant::now()) {
            sleep(INTERVAL).await;
        }
    }

    /// What was said long ago counts for nothing: a client that hands out partitions isn't polled for as long as that takes.
    fn is_lost(&self, patience: Duration, now: Instant) -> bool {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.away.is_some_and(|away| now.duration_since(away) > patience)
            && told.at.is_some_and(|at| now.duration_since(at) < 2 * INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_lost_when_patience_is_at_an_end_and_not_before() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let connection = Connection::new(start);
        let is_lost = |seconds| connection.is_lost(Duration::from_mins(1), at(seconds));
        assert!(!is_lost(61), "it hasn't said anything");
        connection.tell(false, at(5));
        assert!(!is_lost(61), "it was said long ago");
        connection.tell(false, at(60));
        assert!(!is_lost(60) && is_lost(61), "it never reached one");
        connection.tell(true, at(62));
        assert!(!is_lost(600), "it reaches one");
        connection.tell(false, at(600));
        connection.tell(false, at(630));
        connection.tell(false, at(660));
        assert!(!is_lost(660) && is_lost(661));
        connection.tell(true, at(662));
        assert!(!is_lost(700), "it is back");
    }
}
