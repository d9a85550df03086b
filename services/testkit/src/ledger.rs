//! The ledger: a proof that nothing is lost, doubled or reordered between a writer and everybody who reads.
//!
//! In a [`Run`], writers with known ids create, change and delete posts through the API and enter what was acknowledged
//! into a [`Book`]; others hold streams and page through lists; meanwhile somebody breaks things. In the end [`judge`]
//! compares the book with what Postgres, Kafka, Redis and the streams have, and [`table`] prints it.
//!
//! Who breaks things, and how the stores are read, is the caller's: a test with processes, or `make ledger` on a
//! cluster. Judging is pure.

mod book;
mod door;
pub mod found;
pub mod judge;
mod pulse;
mod run;
mod stack;
mod stream;
pub mod table;
mod watcher;
mod writer;

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

pub use book::{Book, Version, Written};
pub use door::{Door, Login};
pub use judge::Harm;
pub use pulse::Pulse;
pub use run::Run;
pub use writer::Plan;

/// Time since the ledger was opened.
pub type Moment = Duration;

/// What all who take part write into.
pub struct Ledger {
    opened: Instant,
    book: Mutex<Book>,
    in_flight: AtomicUsize,
    seen: Mutex<Harm>,
    /// Successful writes.
    pub writes: Pulse,
    /// Successful reads.
    pub reads: Pulse,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            opened: Instant::now(),
            book: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            seen: Mutex::default(),
            writes: Pulse::default(),
            reads: Pulse::default(),
        }
    }
}

/// A write under way, for as long as this lives.
pub(crate) struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ledger {
    /// Now.
    pub fn now(&self) -> Moment {
        self.opened.elapsed()
    }

    /// What was acknowledged.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many writes were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.book().acknowledged()
    }

    /// Writes whose answer is awaited at this moment.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// What readers and writers met with that must not be.
    pub fn seen(&self) -> MutexGuard<'_, Harm> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.in_flight)
    }
}
