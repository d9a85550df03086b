//! Writers, readers and streams together.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    Door, Harm, Ledger, Login, Plan,
    found::Found,
    judge::{Heard, Scope, delays, judge},
    watcher::{Watcher, read_pages},
    writer::Writer,
};

/// Authors with a stream of their own beside the one of everybody.
const STREAMS: usize = 2;
/// Between two looks at whether everything has arrived.
const LOOK: Duration = Duration::from_secs(1);
/// Patience is over when so many times as long something is wrong, though always something else.
const CHANGES: u32 = 10;

/// All who use the system while it is broken.
pub struct Run {
    ledger: Arc<Ledger>,
    readers: Door,
    authors: Vec<i64>,
    writers: Vec<Writer>,
    watchers: Vec<Watcher>,
}

impl Run {
    /// These people write, each through the next of `doors`; everybody reads through the last one.
    pub async fn open(doors: &[Door], logins: Vec<Login>) -> Self {
        let ledger = Arc::<Ledger>::default();
        let authors: Vec<_> = logins.iter().map(|login| login.id).collect();
        let readers = doors.last().expect("a door").clone();
        let writers = logins
            .into_iter()
            .zip(doors.iter().cycle())
            .map(|(login, door)| Writer::new(&ledger, door, login));
        let writers = writers.collect();
        let scopes = authors.iter().take(STREAMS).map(|id| Scope::Author(*id));
        let mut watchers = Vec::new();
        for scope in std::iter::once(Scope::Global).chain(scopes) {
            watchers.push(Watcher::begin(&ledger, &readers, scope).await);
        }
        Self { ledger, readers, authors, writers, watchers }
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Who writes.
    pub fn authors(&self) -> &[i64] {
        &self.authors
    }

    /// Does `work` while everybody writes and reads, and then lets every write come to its answer.
    pub async fn meanwhile<T>(&mut self, plan: Plan, work: impl AsyncFnOnce(&Ledger) -> T) -> T {
        self.ledger.writes.restart();
        self.ledger.reads.restart();
        let stop = CancellationToken::new();
        let mut writing = JoinSet::new();
        for writer in self.writers.drain(..) {
            writing.spawn(writer.run(plan, stop.clone()));
        }
        let reading = tokio::spawn({
            let (ledger, door, authors) = (self.ledger.clone(), self.readers.clone(), self.authors.clone());
            let stop = stop.clone();
            async move { read_pages(&ledger, &door, &authors, stop).await }
        });
        let done = work(&self.ledger).await;
        stop.cancel();
        self.writers = writing.join_all().await;
        self.ledger.writes.rest();
        // a read that is cut off by the end has not failed
        reading.await.expect("reading doesn't panic");
        self.ledger.reads.rest();
        done
    }

    /// Waits until so many writes more than `before` are acknowledged.
    pub async fn acknowledged(ledger: &Ledger, before: usize, more: usize) {
        while ledger.acknowledged() < before + more {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for a moment in which writes are under way: how many.
    pub async fn in_the_middle(ledger: &Ledger) -> usize {
        loop {
            match ledger.in_flight() {
                0 => sleep(Duration::from_millis(1)).await,
                writes => return writes,
            }
        }
    }

    /// What is wrong, and hasn't changed for `patience`: what is only late on a busy machine is no harm. `found` is asked
    /// again until nothing is wrong, or for so many times `patience`.
    pub async fn settle(&self, patience: Duration, mut found: impl AsyncFnMut() -> Option<Found>) -> Harm {
        let begun = Instant::now();
        let (mut since, mut last) = (begun, None);
        loop {
            let late = since.elapsed() >= patience || begun.elapsed() >= patience * CHANGES;
            if let Some(found) = found().await {
                let heard: Vec<Heard> = self.watchers.iter().map(Watcher::heard).collect();
                let mut harm = judge(&self.ledger.book(), &found, &heard);
                harm.add(self.ledger.seen().clone());
                if harm.is_none() || late {
                    return harm;
                }
                if last.as_ref() != Some(&harm) {
                    (since, last) = (Instant::now(), Some(harm));
                }
            } else if late {
                let lost = vec![format!("the stores could not be read for {patience:?}")];
                return Harm { lost, ..Harm::default() };
            }
            sleep(LOOK).await;
        }
    }

    /// How soon after their acknowledgement the stream of everybody told of writes: in the middle, and of 99 in 100.
    pub fn visible_after(&self) -> Option<(Duration, Duration)> {
        let delays = delays(&self.ledger.book(), &self.watchers.first()?.heard());
        let at = |percent: usize| delays.get(delays.len() * percent / 100).copied();
        Some((at(50)?, at(99)?))
    }

    /// Forgets what went wrong so far, so that the next fault is judged by itself, and listens anew.
    pub async fn turn_page(&mut self) {
        *self.ledger.seen() = Harm::default();
        for watcher in &mut self.watchers {
            let scope = watcher.heard().scope;
            *watcher = Watcher::begin(&self.ledger, &self.readers, scope).await;
        }
    }
}
