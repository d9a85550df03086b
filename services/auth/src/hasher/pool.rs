//! The threads that hash, each with memory of its own that it keeps: never more than so many times 19 MiB.

use std::{
    hash::Hash,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use tracklore_platform::metrics::Metric;

use super::{HashError, argon::Memory, queue::FairQueue};
use crate::metrics::{HASH_WAIT, HASHES_REFUSED, HASHES_RUNNING, HASHES_WAITING};

/// A thread that had nothing to do for this long gives its memory back.
const IDLE: Duration = Duration::from_secs(10);

/// Steps by which the threads that hash are less urgent than others; of 19. On Linux each thread has its own.
const NICENESS: i32 = 10;

type Work = Box<dyn FnOnce(&mut Memory) + Send>;

/// A bounded number of threads before a bounded queue.
pub struct Pool<K> {
    /// Held by the pool's clones, not by its threads: when the last one goes, the threads end.
    open: Arc<Open<K>>,
}

/// One for whom there is room; free again when it is dropped.
pub struct Place<K: Clone + Eq + Hash> {
    pool: Pool<K>,
    key: K,
    filled: bool,
}

struct Shared<K> {
    state: Mutex<State<K>>,
    changed: Condvar,
}

struct State<K> {
    queue: FairQueue<K, Work>,
    closed: bool,
}

struct Open<K>(Arc<Shared<K>>);

impl<K> Clone for Pool<K> {
    fn clone(&self) -> Self {
        Self { open: Arc::clone(&self.open) }
    }
}

impl<K: Clone + Eq + Hash + Send + 'static> Pool<K> {
    /// Starts `threads`; `room` may wait for them.
    pub fn new(threads: usize, room: usize) -> Self {
        let state = State { queue: FairQueue::new(room), closed: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        for _ in 0..threads.max(1) {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.work_off());
        }
        Self { open: Arc::new(Open(shared)) }
    }

    /// A place in the line of `key`, or a refusal that costs nothing: before anything is asked of the database.
    pub fn place(&self, key: K) -> Result<Place<K>, HashError> {
        let (taken, waiting) = {
            let mut state = self.open.0.state();
            (state.queue.take_place(&key), state.queue.len())
        };
        tell(HASHES_WAITING, waiting);
        if !taken {
            return Err(refused());
        }
        Ok(Place { pool: self.clone(), key, filled: false })
    }
}

impl<K: Clone + Eq + Hash> Place<K> {
    /// Runs `work` when the line comes to it. Who gives up meanwhile takes nobody's time.
    pub async fn run<T: Send + 'static>(
        mut self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let (answer, answered) = oneshot::channel();
        let asked = Instant::now();
        let work: Work = Box::new(move |memory| {
            if !answer.is_closed() {
                metrics::histogram!(HASH_WAIT.name).record(asked.elapsed());
                drop(answer.send(work(memory)));
            }
        });
        let shared = &self.pool.open.0;
        shared.state().queue.fill(&self.key, work);
        shared.changed.notify_one();
        self.filled = true;
        answered.await.map_err(|_| HashError::Interrupted)
    }
}

impl<K: Clone + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        if !self.filled {
            let mut state = self.pool.open.0.state();
            state.queue.leave(&self.key);
            tell(HASHES_WAITING, state.queue.len());
        }
    }
}

impl<K: Clone + Eq + Hash> Shared<K> {
    fn work_off(&self) {
        give_way();
        let mut memory = Memory::default();
        while let Some(work) = self.next(&mut memory) {
            let running = Running::new();
            // a panic costs its own caller an answer, and nobody else a thread
            if catch_unwind(AssertUnwindSafe(|| work(&mut memory))).is_err() {
                memory = Memory::default();
            }
            drop(running);
        }
    }

    /// Waits for work; none when the pool is gone.
    fn next(&self, memory: &mut Memory) -> Option<Work> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(work) = state.queue.pop() {
                tell(HASHES_WAITING, state.queue.len());
                return Some(work);
            }
            let (woken, waited) =
                self.changed.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if waited.timed_out() {
                *memory = Memory::default();
            }
        }
    }
}

impl<K> Shared<K> {
    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Drop for Open<K> {
    fn drop(&mut self) {
        self.0.state().closed = true;
        self.0.changed.notify_all();
    }
}

/// Lowers the priority of this thread: whoever needs a processor for microseconds, to refuse somebody or to say that
/// all is well, needn't wait behind one that is busy for tens of milliseconds.
fn give_way() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "hashing stays as urgent as all else");
    }
}

fn refused() -> HashError {
    metrics::counter!(HASHES_REFUSED.name).increment(1);
    tracing::debug!("too many passwords to hash at once: a request was told to come again");
    HashError::Busy
}

/// A password that is being hashed.
struct Running;

impl Running {
    fn new() -> Self {
        metrics::gauge!(HASHES_RUNNING.name).increment(1);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        metrics::gauge!(HASHES_RUNNING.name).decrement(1);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
fn tell(metric: Metric, value: usize) {
    metrics::gauge!(metric.name).set(value as f64);
}
