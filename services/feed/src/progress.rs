//! Whether the feed has caught up: Redis has reached the ends that the topics had when the consumer started. Judged by
//! the offsets in Redis, so it holds for all replicas together; and the same look notices an emptied Redis.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::producer::{FutureProducer, Producer};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracklore_platform::{
    consumer::Backlog,
    kafka::{Ends, ReadError, ends},
    problem::Chain,
    time::Timestamp,
};

use crate::{
    metrics::{CATCHING_UP, STALENESS},
    positions::{Expected, Offsets, has_lost},
};

const LOOK_WHILE_CATCHING_UP: Duration = Duration::from_millis(200);
const LOOK_AFTERWARDS: Duration = Duration::from_secs(1);
const KAFKA_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether answers may miss something that happened before the consumer started.
#[derive(Clone, Debug)]
pub struct Progress(Arc<AtomicBool>);

impl Default for Progress {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Progress {
    /// Something is known to be missing, or nothing is known yet.
    pub fn is_catching_up(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Nobody knows what is missing as long as there is nobody to ask. To be told again and again: what was told before
    /// metrics are recorded is lost.
    pub fn waits(&self) {
        self.set(true);
        self.tell();
    }

    fn set(&self, catching_up: bool) {
        if self.0.swap(catching_up, Ordering::Relaxed) != catching_up {
            tracing::info!(catching_up, "the feed's progress changed");
        }
    }

    fn tell(&self) {
        metrics::gauge!(CATCHING_UP.name).set(f64::from(self.is_catching_up()));
    }
}

/// Looks until `session` ends; ends it when Redis has lost what was written.
pub async fn watch(
    progress: Progress,
    topics: Vec<String>,
    kafka: FutureProducer,
    offsets: Offsets,
    expected: Arc<Expected>,
    backlog: Backlog,
    session: CancellationToken,
) {
    progress.set(true);
    let mut targets = None;
    while !session.is_cancelled() {
        if targets.is_none() {
            targets = ends_of_all(&kafka, &topics).await;
        }
        if let Some(targets) = &targets {
            match look(&offsets, &expected, targets).await {
                Ok(Look::Reached) => progress.set(false),
                Ok(Look::Behind) => {}
                Ok(Look::Lost) => {
                    tracing::warn!("Redis has lost what was written, starting again from what it has");
                    progress.set(true);
                    session.cancel();
                }
                Err(error) => tracing::debug!(%error, "Redis can't be asked for offsets"),
            }
        }
        tell(&progress, &backlog);
        let pause = if progress.is_catching_up() { LOOK_WHILE_CATCHING_UP } else { LOOK_AFTERWARDS };
        session.run_until_cancelled(sleep(pause)).await;
    }
}

/// Told at every look, as in [`Progress::waits`].
fn tell(progress: &Progress, backlog: &Backlog) {
    progress.tell();
    let late = backlog.oldest().map_or(0, |at| Timestamp::now().unix_millis() - at.unix_millis());
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
    metrics::gauge!(STALENESS.name).set(late.max(0) as f64 / 1000.0);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Reached,
    Behind,
    Lost,
}

async fn look(
    offsets: &Offsets,
    expected: &Expected,
    targets: &HashMap<String, Ends>,
) -> redis::RedisResult<Look> {
    let mut reached = true;
    for (topic, ends) in targets {
        // before Redis is asked: it need not know yet what is applied meanwhile
        let written = expected.written(topic);
        let stored = offsets.stored(topic).await?;
        if has_lost(&written, &stored) {
            return Ok(Look::Lost);
        }
        reached &= has_reached(ends, &stored);
    }
    Ok(if reached { Look::Reached } else { Look::Behind })
}

/// A partition without records (none yet, or all too old) has nothing to reach.
fn has_reached(ends: &Ends, stored: &HashMap<i32, i64>) -> bool {
    ends.iter()
        .all(|(partition, (low, high))| low >= high || stored.get(partition).is_some_and(|next| next >= high))
}

async fn ends_of_all(kafka: &FutureProducer, topics: &[String]) -> Option<HashMap<String, Ends>> {
    let (kafka, topics) = (kafka.clone(), topics.to_vec());
    let ask = move || -> Result<HashMap<_, _>, ReadError> {
        let of = |topic: String| Ok((topic.clone(), ends(kafka.client(), &topic, KAFKA_TIMEOUT)?));
        topics.into_iter().map(of).collect()
    };
    match tokio::task::spawn_blocking(ask).await.ok()? {
        Ok(ends) => Some(ends),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "Kafka can't be asked for the ends of the topics");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_reached_when_every_partition_with_records_is() {
        let ends = Ends::from([(0, (0, 5)), (1, (7, 7)), (2, (0, 0))]);
        for (stored, reached) in [
            (HashMap::new(), false),
            ([(0, 4)].into(), false),
            ([(0, 5)].into(), true),
            ([(0, 9)].into(), true),
        ] {
            assert_eq!(has_reached(&ends, &stored), reached, "{stored:?}");
        }
    }

    #[test]
    fn nothing_is_claimed_before_anything_is_known() {
        assert!(Progress::default().is_catching_up());
    }
}
